//! Wrong words on the command line, and the help.

use crate::{last_error, personcert};

#[test]
fn usage_errors_end_with_a_json_line_too() {
    for (arguments, parameter) in [
        (&["--json", "update"][..], "<ID>"),
        (&["get", "x", "--json", "--colour", "red"], "--colour"),
        (&["--json", "serve", "--port", "x"], "--port"),
        (&["--json", "vanish"], "vanish"),
    ] {
        let output = personcert(arguments).output().expect("it runs");
        let error = last_error(&output);
        assert_eq!(output.status.code(), Some(6), "{output:?}");
        assert_eq!((&error["kind"], &error["outcome"]), (&"invalid_input".into(), &"not_sent".into()), "{error}");
        let named =
            error["parameter"].as_str().unwrap_or_default().to_owned() + error["message"].as_str().unwrap_or_default();
        assert!(named.contains(parameter), "{error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn errors_name_options_as_they_are_typed() {
    for (arguments, option) in [
        (&["--ca-file", "missing.pem"][..], "--ca-file"),
        (&["--max-attempts", "0"], "--max-attempts"),
        (&["--base-url", "ftp://example.com"], "--base-url"),
        (&["--timeout", "0"], "--timeout"),
        (&["--user", ""], "--user"),
        (&["--select", "colour"], "--select"),
    ] {
        let mut command = personcert(&["--json", "get", "x"]);
        let output = command.args(arguments).env("PERSONCERT_TOKEN", "opaque").output().expect("it runs");
        let error = last_error(&output);
        assert_eq!((output.status.code(), error["parameter"].as_str()), (Some(6), Some(option)), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with(&format!("error: {option}: ")), "{text}");
    }
}

#[test]
fn the_help_of_a_subcommand_lists_its_own_options_before_the_client_settings() {
    let help = |arguments: &[&str]| {
        let output = personcert(arguments).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let long = help(&["update", "--help"]);
    let (own, settings) = long.split_once("Client settings:").expect("a heading of its own");
    assert!(own.contains("--verify") && !own.contains("--ca-file"), "{own}");
    assert!(settings.contains("--ca-file") && settings.contains("--token-file"), "{settings}");
    let short = help(&["update", "-h"]);
    assert!(short.contains("--verify") && !short.contains("--ca-file"), "{short}");
    assert!(help(&["--help"]).contains("Exit codes:"));
}

#[test]
fn a_serve_option_that_cannot_work_is_an_error_and_no_panic() {
    for arguments in [
        &["serve", "--json", "--seed", "missing.csv"][..],
        &["serve", "--json", "--faults", "missing.json"],
        &["serve", "--json", "--database", "missing/graph.sqlite"],
        &["serve", "--json", "--permissions", "loose"],
    ] {
        let output = personcert(arguments).output().expect("it runs");
        assert_eq!(last_error(&output)["outcome"], "not_sent", "{output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
    }
}
