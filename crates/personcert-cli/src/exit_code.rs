//! The exit codes: one table for the code, the help and the documentation.

use std::fmt::Write;

use personcert::ErrorKind;

/// Declares the exit codes: a name, the number, the kinds of errors that end with it, and its meaning.
macro_rules! exit_codes {
    ($($name:ident = $number:literal, [$($kind:ident),*], $doc:literal;)+) => {
        /// The exit codes of the command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum ExitCode { $(#[doc = $doc] $name = $number,)+ }

        impl ExitCode {
            /// Every exit code with its meaning.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$name, $doc),)+];

            /// The exit code for an error that left nothing unknown.
            const fn of_kind(kind: ErrorKind) -> Self {
                match kind { $($(ErrorKind::$kind => Self::$name,)*)+ }
            }
        }
    };
}

exit_codes! {
    Done = 0, [], "Done.";
    Failed = 1, [NotFound, Conflict], "Not found, or the state of the resource does not allow the change. Over many rows: some rows failed. Also when the call succeeded and its result could not be written.";
    Differs = 2, [], "The plan has changes (`plan --detailed-exitcode`).";
    TooManyErrors = 3, [], "`--max-errors` stopped the run; it can be resumed.";
    NoAccess = 4, [Auth, Permission], "Not signed in, the token was rejected, or the change is not permitted.";
    Interrupted = 5, [Cancelled], "Interrupted by Ctrl-C or SIGTERM; the command can be repeated.";
    Usage = 6, [InvalidInput], "Wrong usage or invalid input.";
    Mismatch = 7, [], "`verify` found differences.";
    Unavailable = 8, [Throttled, Service, Network, Timeout, Protocol], "The service or the network failed, and nothing was changed.";
    Unknown = 9, [], "A change may have been applied: no clear answer came.";
}

impl ExitCode {
    /// The exit code for an error of this kind; `is_unknown` means that a change may have been applied.
    pub(crate) const fn of(kind: ErrorKind, is_unknown: bool) -> Self {
        if is_unknown { Self::Unknown } else { Self::of_kind(kind) }
    }

    /// The number that the process ends with.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

/// The end of the help: where the token comes from, and the exit codes.
pub(crate) fn help() -> String {
    let mut text = "\
The access token comes from `personcert login`, PERSONCERT_TOKEN, --token-file or another --sign-in method.
Secrets are never arguments: use AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PASSWORD.

Exit codes:"
        .to_owned();
    for (code, meaning) in ExitCode::ALL {
        let _ = write!(text, "\n  {:<3}{meaning}", code.number());
    }
    text
}
