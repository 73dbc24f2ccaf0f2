//! Enums whose members have a stable text, the same in every language, and a meaning.
//!
//! The text is what crosses every boundary: JSON, the command line, exceptions, logs. Matching on the enum in Rust and on the
//! text elsewhere is equally safe, because both come from one line.

/// Declares such an enum.
#[doc(hidden)]
#[macro_export]
macro_rules! string_enum {
    ($(#[$outer:meta])* $name:ident { $($variant:ident = $text:literal, $doc:literal;)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $doc] $variant,)+ }

        impl $name {
            /// Every member with its stable text and its meaning.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$variant, $text, $doc),)+];

            /// The stable texts alone.
            pub const NAMES: &[&str] = &[$($text,)+];

            /// The stable text, the same in every language.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
