//! Full disks, closed pipes and closed standard streams.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use personcert_local::{LocalGraph, Options};

use crate::{ID, client, last_error, personcert};

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("/dev/full")
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    for arguments in [&["--json", "get", ID][..], &["--json", "list"], &["--json", "demo"], &["--json", "serve"]] {
        let output = client(&graph, arguments).stdout(full()).output().expect("it runs");
        let error = last_error(&output);
        assert_eq!((output.status.code(), error["kind"].as_str()), (Some(1), Some("output")), "{output:?}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("No space left")), "{error}");
    }
    for arguments in [&["list"][..], &["--help"], &["--version"]] {
        let output = client(&graph, arguments).stdout(full()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
    }
}

#[test]
fn a_standard_error_that_cannot_be_written_leaves_the_exit_code() {
    for (arguments, code) in [(&["get", "x"][..], 4), (&["get"], 6), (&["--json", "get", "x", "--max-attempts=0"], 6)] {
        let status = personcert(arguments).stderr(full()).stdout(Stdio::null()).status().expect("it runs");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_error() {
    let graph =
        LocalGraph::start(Options { users: 1, certifications: 3_000, ..Options::default() }).expect("a local Graph");
    let mut command = client(&graph, &["--json", "list", "--user", "user0@contoso.com"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let mut stderr = String::new();
    child.stderr.take().expect("its errors").read_to_string(&mut stderr).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), line.trim(), &*stderr), (Some(0), "[", ""));
}

#[test]
fn closed_standard_streams_are_discarded_and_nothing_is_printed_into_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("graph.sqlite");
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let command = client(&graph, &[]);
    for words in ["get 0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f", "serve --until-eof --database", "get"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" $1 \"$2\" <&- >&- 2>&-"]).arg(command.get_program()).arg(words);
        shell.arg(if words.ends_with("database") { database.as_os_str() } else { "--json".as_ref() });
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let expected = if words == "get" { 6 } else { 0 };
        assert_eq!(shell.status().expect("it runs").code(), Some(expected), "{words}");
    }
    let stored = std::fs::read(&database).expect("the database");
    assert!(stored.starts_with(b"SQLite format 3\0"));
    assert!(!stored.windows(15).any(|part| part == b"PERSONCERT_BASE"), "the output is in the database");
}

#[test]
fn too_few_descriptors_are_an_error_and_no_panic() {
    for limit in 4..24 {
        let script = format!("ulimit -n {limit}; exec \"$0\" doctor --base-url http://127.0.0.1:9");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_personcert")])
            .env_clear()
            .env("PERSONCERT_TOKEN", "token")
            .output()
            .expect("a shell");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{limit} descriptors: {text}");
        assert!(matches!(output.status.code(), Some(4 | 6 | 8 | 127)), "{limit} descriptors: {output:?}");
    }
}
