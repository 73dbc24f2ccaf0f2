//! How a patch treats one property: it keeps, clears or sets it.

/// In a PATCH, an absent member, null and a value mean three different things: keep, clear and set.
///
/// ```
/// use personcert::{CertificationPatch, Change};
///
/// let patch = CertificationPatch {
///     issuing_company: Change::Set("International Academy".into()),
///     description: Change::Clear,
///     ..CertificationPatch::default() // everything else: keep
/// };
/// assert_eq!(
///     serde_json::to_string(&patch).unwrap(),
///     r#"{"description":null,"issuingCompany":"International Academy"}"#
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Change<T> {
    /// Don't send the property: the service keeps its value, or recalculates it from other changes.
    #[default]
    Keep,
    /// Send `null`: the service clears the property.
    Clear,
    /// Send this value.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the patch leaves the property out.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value after the change, given the one before.
    pub(crate) fn after(&self, before: Option<T>) -> Option<T>
    where
        T: Copy,
    {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(*value),
        }
    }
}
