//! The bounds of what is copied from another language, and how a refusal finds its place.

use crate::Error;

/// How much may still be copied from a host language: no deeper and no more values than this.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// How many more levels.
    pub depth: usize,
    /// How many more values.
    pub values: usize,
}

impl Room {
    /// The room for a call.
    pub const CALL: Self = Self { depth: 32, values: 10_000 };
    /// The room for what a test hands its local Graph.
    pub const TEST: Self = Self { depth: 120, values: 1_000_000 };

    /// Makes room for so many values that are about to come; they are counted when they are taken.
    pub fn check<E>(&self, values: usize) -> Result<(), Refusal<E>> {
        if values > self.values { Refusal::because("too many values") } else { Ok(()) }
    }

    /// Takes room for a value.
    pub fn take<E>(&mut self) -> Result<(), Refusal<E>> {
        self.check(1)?;
        self.values -= 1;
        Ok(())
    }

    /// Reads what lies one level deeper.
    pub fn deeper<T, E>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refusal<E>>) -> Result<T, Refusal<E>> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Refusal::because("nested too deeply, or within itself");
        };
        self.depth = depth;
        let read = read(self);
        self.depth += 1;
        read
    }
}

/// Why a value was refused, and where; or what the host language itself raised.
#[derive(Debug)]
pub enum Refusal<E> {
    /// Bad input.
    Input {
        /// The path to the value.
        place: String,
        /// The reason.
        why: String,
    },
    /// An exception of the host language.
    Raised(E),
}

impl<E> Refusal<E> {
    /// A refusal of the value that is being read.
    pub fn because<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Input { place: String::new(), why: why.into() })
    }

    /// The same inside the member or, as `[n]`, the item `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Input { place, why } if place.is_empty() || place.starts_with('[') => {
                Self::Input { place: format!("{outer}{place}"), why }
            }
            Self::Input { place, why } => Self::Input { place: format!("{outer}.{place}"), why },
            raised @ Self::Raised(_) => raised,
        }
    }

    /// The core's error for bad input, or what was raised.
    pub fn into_error(self) -> Result<Error, E> {
        match self {
            Self::Input { place, why } => Ok(Error::input(place, why)),
            Self::Raised(error) => Err(error),
        }
    }
}

impl<E> From<E> for Refusal<E> {
    fn from(error: E) -> Self {
        Self::Raised(error)
    }
}
