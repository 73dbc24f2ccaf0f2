//! Refresh tokens.

/// What a refresh token renews.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// The application.
    pub app: String,
    /// The user.
    pub user: String,
    /// The scope.
    pub scope: String,
    /// The number of the user's session.
    pub session: u64,
    /// The first token of the sign-in, which all its tokens share.
    pub family: String,
    /// How often it was used.
    pub uses: u32,
    /// When it was issued, in seconds since 1970.
    pub issued: i64,
}
