//! How a patch treats one property: it keeps, clears or sets it.
//!
//! JSON can express the difference between an absent member and null; an `Option` can't, because `None` would have to mean
//! both. Every property of a [`CertificationPatch`](crate::CertificationPatch) is therefore a [`Change`].

/// What a patch does to one property. In a PATCH, an absent member, null and a value mean three different things: keep,
/// clear and set. The default keeps.
/// Source: Graph's "Update personCertification" (beta), request body: properties that are not included keep their values.
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
    /// Whether the patch leaves the property out, so that the request doesn't mention it.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value that the property has after the change, given the one before.
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
