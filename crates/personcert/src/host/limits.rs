//! The bounds of what is copied from another language, and how a error finds its place.

use super::dialect::Dialect;
use crate::Error;

/// How much may still be copied from a host language: no deeper and no more values than this.
#[derive(Clone, Copy, Debug)]
pub struct CopyLimits {
    /// How many more levels.
    pub depth: usize,
    /// How many more values.
    pub values: usize,
}

impl CopyLimits {
    /// The limits for a call.
    pub const CALL: Self = Self { depth: 32, values: 10_000 };
    /// The limits for what a test hands its local Graph.
    pub const LOCAL_GRAPH: Self = Self { depth: 120, values: 1_000_000 };

    /// Fails early if `values` more would exceed the limit.
    pub fn check<E>(&self, values: usize) -> Result<(), ConvertError<E>> {
        if values > self.values { ConvertError::invalid("too many values") } else { Ok(()) }
    }

    /// Counts a value.
    pub fn count<E>(&mut self) -> Result<(), ConvertError<E>> {
        self.check(1)?;
        self.values -= 1;
        Ok(())
    }

    /// Reads what lies one level deeper.
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

/// Why a value was refused, and where; or what the host language itself raised.
#[derive(Debug)]
pub enum ConvertError<E> {
    /// Bad input.
    Invalid {
        /// The path to the value.
        place: String,
        /// The reason.
        why: String,
    },
    /// An exception of the host language.
    Host(E),
}

impl<E> ConvertError<E> {
    /// A error of the value that is being read.
    pub fn invalid<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Invalid { place: String::new(), why: why.into() })
    }

    /// The same inside the member or, as `[n]`, the item `outer`.
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

    /// The core's error for bad input, its place as `dialect` writes it, or what was raised.
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
