//! Files named on the command line, whatever they hold.

use personcert_local::{LocalGraph, Options};
use serde_json::Value;

use crate::{ID, client, last_error};

/// What the command says about a file given with `option`.
fn refused(graph: &LocalGraph, option: &str, path: &std::path::Path) -> String {
    let mut command = client(graph, &["--json", "update", ID, "--set", "description=x", option]);
    let output = command.arg(path).output().expect("it runs");
    let error = last_error(&output);
    assert_eq!((output.status.code(), error["parameter"].as_str()), (Some(6), Some(option)), "{output:?}");
    error["message"].as_str().expect("a message").to_owned()
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let write = |content: &[u8]| std::fs::write(&file, content).expect("written");
    for option in ["--current", "--token-file"] {
        refused(&graph, option, &folder.path().join("missing"));
        refused(&graph, option, folder.path());
        write(&[0xff, 0xfe, b'{', 0]);
        assert!(refused(&graph, option, &file).contains("not UTF-8"));
        write(&vec![b' '; (4 << 20) + 1]);
        assert!(refused(&graph, option, &file).contains("larger than"));
    }
    for content in ["", "{", "[]", "nul", "\u{0}", &"[".repeat(1 << 20), &"{\"a\":".repeat(1 << 18)] {
        write(content.as_bytes());
        refused(&graph, "--current", &file);
    }
    let requests = graph.command("requests", &Value::Null).expect("requests");
    assert_eq!(requests.as_array().map(Vec::len), Some(0));
}

#[test]
fn the_output_of_get_serves_as_current_with_a_byte_order_mark_too() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let read = client(&graph, &["--json", "get", ID]).output().expect("it runs").stdout;
    let certification: Value = serde_json::from_slice(&read).expect("JSON");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), [b"\xef\xbb\xbf", &*read].concat()).expect("written");
    let name = format!("displayName={}", certification["displayName"].as_str().expect("a name"));
    let output =
        client(&graph, &["update", ID, "--set", &name, "--current"]).arg(file.path()).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "nothing differs; nothing was sent\n", "{output:?}");
}
