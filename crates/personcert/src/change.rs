//! What a patch does with one property: keep it, clear it or set it.

/// Absent, null and value are three different things in a PATCH; this says which one is meant.
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
    /// The property isn't sent: the service keeps its value, or recalculates it from other changes.
    #[default]
    Keep,
    /// The property is sent as `null`: the service clears it.
    Clear,
    /// The property is sent with this value.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the property isn't sent.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value once the change is made to `before`.
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
