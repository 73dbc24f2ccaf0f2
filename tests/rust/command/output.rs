//! What reaches a terminal, whatever the service sends.

use std::process::Output;

use serde_json::{Value, json};

use crate::raw_server::{RawServer, response};
use crate::{ID, last_error};

/// Characters that steer or deceive a terminal.
const UNSAFE: &str = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200f}\u{2028}\u{2029}\u{feff}\u{200b}\u{85}\r\n\u{7}";

fn hostile_server() -> RawServer {
    RawServer::start(|line| {
        let name = format!("a{UNSAFE}b");
        let item = json!({
            "id": ID, "displayName": name, "issuingAuthority": name, "description": name, "webUrl": name,
            "lastModifiedBy": {"user": {"displayName": name}}, "inference": {"confidenceScore": 1, "other": name},
            (name.clone()): name,
        });
        let error = json!({"error": {"code": name, "message": name, "innerError": {"code": name, "request-id": name}}});
        Some(match line.split(' ').next() {
            Some("GET") if line.contains("certifications?") || line.contains("certifications ") => {
                response(200, "", &json!({"value": [item]}))
            }
            Some("DELETE" | "POST") => response(400, "", &error),
            _ => response(200, "", &item),
        })
    })
}

fn assert_displayable(output: &Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let is_unsafe = |c: char| !matches!(c, '\n' | ' '..='~') && UNSAFE.contains(c);
        assert_eq!(text.chars().find(|c| is_unsafe(*c)), None, "{text:?}");
    }
}

#[test]
fn text_output_escapes_what_steers_a_terminal() {
    let server = hostile_server();
    for (arguments, lines) in [
        (&["get", ID][..], None),
        (&["list"], None),
        (&["update", ID, "--set", "description=x", "--verbose"], None),
        (&["delete", ID, "--verbose"], Some("error: ")),
        (&["create", "--set", "displayName=x", "--verbose"], Some("error: ")),
        (&["doctor"], None),
    ] {
        let output = server.client(arguments).output().expect("it runs");
        assert_displayable(&output);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match lines {
            Some(start) => assert_eq!(stderr.lines().filter(|line| line.starts_with(start)).count(), 1, "{stderr}"),
            None if arguments[0] == "doctor" => {}
            None => assert!(stdout.contains(r"a\u{1b}[2J\u{9b}31m"), "{stdout}"),
        }
    }
}

#[test]
fn json_output_escapes_the_same_characters_and_keeps_their_value() {
    let server = hostile_server();
    let name = format!("a{UNSAFE}b");
    let output = server.client(&["--json", "get", ID]).output().expect("it runs");
    assert_displayable(&output);
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&read["displayName"], &read[&name]), (&json!(name), &json!(name)));

    let output = server.client(&["--json", "delete", ID]).output().expect("it runs");
    assert_displayable(&output);
    assert_eq!(last_error(&output)["serviceMessage"], json!(name));
}

#[test]
fn a_sign_in_prompt_and_its_error_are_escaped() {
    let server = RawServer::start(|line| {
        let text = format!("a{UNSAFE}b");
        Some(if line.contains("devicecode") {
            let address = format!("https://example.com/{text}");
            let code = json!({
                "device_code": "d", "user_code": text, "verification_uri": address, "message": text, "interval": 1,
                "expires_in": 60,
            });
            response(200, "", &code)
        } else {
            response(400, "", &json!({"error": "access_denied", "error_description": text}))
        })
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = server.client(&["login", "--sign-in", "device-code", "--client-id", "app", "--authority"]);
    command.arg(server.url()).env_remove("PERSONCERT_TOKEN").arg("--token-cache-file").arg(folder.path().join("cache"));
    let output = command.output().expect("it runs");
    assert_displayable(&output);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(r"a\u{1b}[2J\u{9b}31m") && output.status.code() == Some(4), "{output:?}");
}

#[test]
fn arguments_are_escaped_where_an_error_repeats_them() {
    for arguments in [&["get", "x", "--colour\u{1b}[2J\u{202e}"][..], &["get", "x", "--base-url", "\u{9b}\u{202e}://x"]]
    {
        let output = crate::personcert(arguments).arg("--json").output().expect("it runs");
        assert_displayable(&output);
        assert_eq!(output.status.code(), Some(6), "{output:?}");
    }
}

#[test]
fn a_sunset_warning_appears_once_also_with_verbose() {
    let server = RawServer::start(|_| {
        let headers = "deprecation: true\r\nsunset: Wed, 30 Jun 2027 00:00:00 GMT\r\n";
        Some(response(200, headers, &json!({"id": ID, "description": "x"})))
    });
    for arguments in [&["update", ID, "--set", "description=x"][..], &["update", ID, "--set", "description=x", "-v"]] {
        let output = server.client(arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.matches("30 Jun 2027").count(), 1, "{arguments:?}: {text}");
    }
}

#[test]
fn an_error_of_a_write_says_whether_the_change_may_have_been_applied() {
    let server = RawServer::start(|_| Some(response(502, "", &json!({}))));
    for (arguments, code, outcome) in [
        (
            &["update", ID, "--set", "description=x"][..],
            9,
            Some("The change may have been applied; check with `personcert get ID`"),
        ),
        (
            &["create", "--set", "displayName=x"],
            9,
            Some("The certification may have been created; check with `personcert list`"),
        ),
        (&["delete", ID], 9, Some("The certification may have been deleted; repeat the command.")),
        (&["get", ID], 8, None),
        (&["update", ID, "--set", "endDate=x"], 6, Some("Nothing was changed.")),
        (&["update", ID, "--set", "endDate=2030-01-01", "--token-file", "missing"], 6, Some("Nothing was changed.")),
    ] {
        let output = server.client(arguments).args(["--max-attempts", "1"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}");
        match (outcome, text.lines().collect::<Vec<_>>().as_slice()) {
            (Some(outcome), [error, last]) => {
                assert!(error.starts_with("error: ") && last.starts_with(outcome), "{text}");
            }
            (None, [error]) => assert!(error.starts_with("error: "), "{text}"),
            _ => panic!("{text}"),
        }
    }
}

#[test]
fn an_update_confirmed_by_a_read_reports_its_changes() {
    let server = RawServer::start(|line| {
        let is_update = line.starts_with("PATCH");
        let item = json!({"id": ID, "description": "x"});
        Some(if is_update { response(502, "", &json!({})) } else { response(200, "", &item) })
    });
    let arguments = ["update", ID, "--set", "description=x", "--verify", "--max-attempts", "1"];
    let output = server.client(&arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("confirmed by a read") && text.contains("description: x"), "{output:?}");
}
