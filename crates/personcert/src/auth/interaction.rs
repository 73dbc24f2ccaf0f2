//! What a sign-in needs that involves a user, in the browser or with a code.

use super::authority::Authority;
use super::{PromptHandler, TokenRequest};

/// What a user signs in to, and how they are prompted.
pub(super) struct Interaction<'a> {
    pub(super) authority: &'a Authority,
    pub(super) client_id: &'a str,
    pub(super) request: &'a TokenRequest,
    /// The scopes, including those about the user.
    pub(super) scope: &'a str,
    pub(super) prompt: &'a PromptHandler,
}
