//! Limits on the values that are copied from another language, and errors that name the offending value.
//!
//! Objects of a host language can be cyclic, infinite or huge. A converter counts each value before it copies it and
//! descends with [`CopyLimits::nested`], so that it ends after a bounded number of steps without overflowing the stack.

use super::dialect::Dialect;
use crate::Error;

/// How much may still be copied from a host language.
///
/// ```
/// use personcert::host::{ConvertError, CopyLimits};
///
/// let mut limits = CopyLimits { depth: 1, values: 2 };
/// let read: Result<(), ConvertError<()>> = limits.nested(|limits| {
///     limits.count()?;
///     limits.nested(CopyLimits::count)
/// });
/// assert!(matches!(read, Err(ConvertError::Invalid { .. })));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CopyLimits {
    /// The number of further levels of nesting.
    pub depth: usize,
    /// The number of further values.
    pub values: usize,
}

impl CopyLimits {
    /// The limits for a call.
    pub const CALL: Self = Self { depth: 32, values: 10_000 };
    /// The limits for commands to a local Graph, which may carry a whole tenant.
    pub const LOCAL_GRAPH: Self = Self { depth: 120, values: 1_000_000 };

    /// Fails if `values` further values would exceed the limit. Call it before copying a list whose length is known.
    pub fn check<E>(&self, values: usize) -> Result<(), ConvertError<E>> {
        if values > self.values { ConvertError::invalid("too many values") } else { Ok(()) }
    }

    /// Counts one value, or fails when none is left.
    pub fn count<E>(&mut self) -> Result<(), ConvertError<E>> {
        self.check(1)?;
        self.values -= 1;
        Ok(())
    }

    /// Calls `read` with one level less, or fails when none is left.
    pub fn nested<T, E>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ConvertError<E>>,
    ) -> Result<T, ConvertError<E>> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return ConvertError::invalid("nested too deeply, or within itself");
        };
        self.depth = depth;
        let read = read(self);
        self.depth += 1;
        read
    }
}

/// The error of a conversion: an invalid value with its path, or an exception of the host language.
#[derive(Debug)]
pub enum ConvertError<E> {
    /// The value can't be converted.
    Invalid {
        /// The path of the value, such as `changes.allowedAudiences[2]`.
        place: String,
        /// Why the value can't be converted.
        why: String,
    },
    /// An exception that code of the host language raised, such as a property of an object.
    Host(E),
}

impl<E> ConvertError<E> {
    /// The error for the value being read. Callers add its path with [`at`](Self::at).
    pub fn invalid<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Invalid { place: String::new(), why: why.into() })
    }

    /// Puts `outer` in front of the path: the name of a member, or `[n]` for an item of a list.
    #[must_use]
    pub fn at(self, outer: &str) -> Self {
        match self {
            Self::Invalid { place, why } if place.is_empty() || place.starts_with('[') => {
                Self::Invalid { place: format!("{outer}{place}"), why }
            }
            Self::Invalid { place, why } => Self::Invalid { place: format!("{outer}.{place}"), why },
            raised @ Self::Host(_) => raised,
        }
    }

    /// Converts it to an `invalid_input` error, with the path in the spelling of `dialect`. An exception is returned as `Err`.
    pub fn into_error(self, dialect: Dialect) -> Result<Error, E> {
        match self {
            Self::Invalid { place, why } => Ok(Error::input(dialect.path(place), why)),
            Self::Host(error) => Err(error),
        }
    }
}

impl<E> From<E> for ConvertError<E> {
    fn from(error: E) -> Self {
        Self::Host(error)
    }
}
