//! The exit codes: one table for the code, the help and the documentation.

use std::fmt::Write;

use personcert::ErrorKind;

/// Exit code of a command that succeeded.
pub(crate) const EXIT_SUCCESS: i32 = 0;
/// Exit code when the result could not be written.
pub(crate) const EXIT_OUTPUT: i32 = 1;
/// Exit code of `doctor` when a check failed.
pub(crate) const EXIT_UNHEALTHY: i32 = 4;

/// Every kind of error with its exit code and what to call that code.
const TABLE: &[(ErrorKind, i32, &str)] = &[
    (ErrorKind::InvalidInput, 2, "invalid input"),
    (ErrorKind::Auth, 3, "not signed in, or the token was rejected"),
    (ErrorKind::Permission, EXIT_UNHEALTHY, "not permitted, or a failed `doctor` check"),
    (ErrorKind::NotFound, 5, "not found"),
    (ErrorKind::Conflict, 6, "conflict"),
    (ErrorKind::Throttled, 7, "throttled"),
    (ErrorKind::Service, 8, "service, network, timeout or protocol error"),
    (ErrorKind::Network, 8, "service, network, timeout or protocol error"),
    (ErrorKind::Timeout, 8, "service, network, timeout or protocol error"),
    (ErrorKind::Protocol, 8, "service, network, timeout or protocol error"),
    (ErrorKind::Cancelled, 130, "cancelled"),
];

/// The exit code for a kind of error.
pub(crate) fn exit_code(kind: ErrorKind) -> i32 {
    TABLE.iter().find(|(known, ..)| *known == kind).map_or(EXIT_OUTPUT, |(_, code, _)| *code)
}

/// The end of the help: where the token comes from, and the exit codes.
pub(crate) fn help() -> String {
    let mut text = "\
The access token comes from `personcert login`, PERSONCERT_TOKEN, --token-file or another --sign-in method.
Secrets are never arguments: use AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PASSWORD.

Exit codes:
  0    success
  1    the result could not be written"
        .to_owned();
    let mut last = EXIT_OUTPUT;
    for (_, code, meaning) in TABLE {
        if *code != last {
            let _ = write!(text, "\n  {code:<5}{meaning}");
        }
        last = *code;
    }
    text
}

#[cfg(test)]
mod tests {
    use personcert::ErrorKind;

    use super::TABLE;

    #[test]
    fn every_kind_of_error_has_one_exit_code_and_the_documentation_lists_it() {
        let documentation = include_str!("../../../docs/cli.md");
        for (kind, name, _) in ErrorKind::ALL {
            let codes: Vec<_> = TABLE.iter().filter(|(known, ..)| known == kind).map(|(_, code, _)| code).collect();
            assert_eq!(codes.len(), 1, "{name}");
            let row = documentation.lines().find(|line| line.starts_with(&format!("| {} |", codes[0])));
            assert!(row.is_some_and(|row| row.contains(&format!("`{name}`"))), "docs/cli.md: {name} {row:?}");
        }
    }
}
