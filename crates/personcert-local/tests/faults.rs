//! Faults: which requests they match, and what they do.

#![allow(missing_docs, dead_code)]

mod support;

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};
use support::{EXAMPLE, Received, change, changed, command, connect, fault, read, request, send, start, token};

fn with(act: Value) -> (Received, bool, Value) {
    let graph = start();
    fault(&graph, json!({"act": act}));
    let seen = change(&graph);
    (seen, changed(&graph), command(&graph, "requests", json!({}))[0]["status"].clone())
}

#[test]
fn a_reset_action_resets_the_connection() {
    for (act, applied, start) in [
        ("resetBeforeReading", false, ""),
        ("resetAfterReading", false, ""),
        ("resetAfterApplying", true, ""),
        ("resetAfterHeaders", true, "HTTP/1.1 200 OK"),
        ("halfBody", true, "HTTP/1.1 200 OK"),
    ] {
        let (seen, changed, status) = with(json!(act));
        assert!(seen.reset, "{act}: {seen:?}");
        assert_eq!((changed, status), (applied, Value::Null), "{act}");
        assert_eq!(seen.text().lines().next().unwrap_or_default(), start, "{act}");
        let promised: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
        match act {
            "resetAfterHeaders" => assert!(promised > 0 && seen.body().is_empty()),
            "halfBody" => assert_eq!(seen.body().len(), promised / 2),
            _ => assert!(seen.bytes.is_empty()),
        }
    }
}

#[test]
fn a_response_without_a_body_can_be_reset() {
    for act in ["resetAfterHeaders", "halfBody"] {
        let graph = start();
        fault(&graph, json!({"act": act}));
        let seen = send(&graph, "DELETE", EXAMPLE, "");
        assert!(seen.reset && seen.status() == 200, "{act}: {seen:?}");
        assert_eq!(command(&graph, "certifications", json!({})), json!([]));
    }
}

#[test]
fn the_body_is_not_read_before_an_early_reset() {
    let graph = start();
    fault(&graph, json!({"act": "resetBeforeReading"}));
    let whole = request(&graph, &token(&graph), "PATCH", EXAMPLE, "{}");
    let mut stream = connect(graph.url());
    stream.write_all(whole.strip_suffix("{}").unwrap().as_bytes()).unwrap();
    assert!(read(&mut stream, usize::MAX).reset);
}

#[test]
fn hostile_responses_have_their_documented_form() {
    let (seen, applied, _) = with(json!("garbage"));
    assert!(applied && seen.status() == 200 && seen.json().is_null());
    assert!(seen.header("content-type").unwrap().starts_with("application/json"));

    let (seen, applied, _) = with(json!("wrongContentType"));
    assert!(applied && seen.json()["displayName"] == "changed");
    assert_eq!(seen.header("content-type").unwrap(), "text/plain");

    let (seen, applied, status) = with(json!("html"));
    assert!(!applied && seen.text().contains("<html>") && status == 200);
    assert!(seen.header("content-type").unwrap().starts_with("text/html"));

    let (seen, applied, status) = with(json!("largeError"));
    assert!(!applied && status == 500 && seen.status() == 500);
    assert!(seen.body().len() > 10 << 20 && seen.json()["error"]["code"] == "InternalServerError");

    let (seen, ..) = with(json!("deep"));
    assert_eq!(String::from_utf8_lossy(seen.body()).matches('{').count(), 100_000);
}

#[test]
fn the_gzip_bomb_unpacks_to_a_thousand_times_its_size() {
    let (seen, ..) = with(json!("gzipBomb"));
    assert_eq!(seen.header("content-encoding").unwrap(), "gzip");
    assert!(seen.body().len() < 300 << 10, "{}", seen.body().len());
    let mut unpacked = flate2::read::GzDecoder::new(seen.body());
    let (mut size, mut chunk) = (0, vec![0; 1 << 20]);
    loop {
        // The last read verifies the checksum and the size.
        let count = unpacked.read(&mut chunk).unwrap();
        if count == 0 {
            break;
        }
        size += count;
    }
    assert_eq!(size, 256 << 20);
}

#[test]
fn endless_and_slow_bodies_come_in_chunks() {
    let graph = start();
    fault(&graph, json!({"act": "endless", "times": 1}));
    fault(&graph, json!({"act": "slow"}));
    let wanted = request(&graph, &token(&graph), "GET", EXAMPLE, "");
    let mut stream = connect(graph.url());
    stream.write_all(wanted.as_bytes()).unwrap();
    let seen = read(&mut stream, 5 << 20);
    assert!(seen.headers().contains("transfer-encoding: chunked") && seen.bytes.len() >= 5 << 20);
    drop(stream);

    let mut stream = connect(graph.url());
    stream.write_all(wanted.as_bytes()).unwrap();
    let headers = read(&mut stream, 1);
    let begun = std::time::Instant::now();
    let seen = read(&mut stream, 5);
    assert!(seen.bytes.len() < 20, "byte by byte: {seen:?} after {headers:?}");
    assert!(begun.elapsed().as_millis() >= 100);
}

#[test]
fn a_redirect_leads_to_the_chosen_host() {
    for (to, expected) in
        [("sameHost", "{local}"), ("otherPort", "{elsewhere}"), ("otherHost", "localhost"), ("http", "{elsewhere}")]
    {
        let graph = start();
        fault(&graph, json!({"act": {"redirect": to, "status": 307}}));
        let seen = change(&graph);
        let elsewhere = command(&graph, "addresses", json!({}))["elsewhere"].as_str().unwrap().to_owned();
        let expected = match expected {
            "{local}" => graph.url().to_owned(),
            "{elsewhere}" => elsewhere,
            _ => elsewhere.replace("127.0.0.1", "localhost"),
        };
        assert_eq!((seen.status(), seen.header("location").unwrap()), (307, format!("{expected}{EXAMPLE}")));
    }
}

#[test]
fn the_second_listener_logs_whether_a_token_came_along() {
    let graph = start();
    let elsewhere = command(&graph, "addresses", json!({}))["elsewhere"].as_str().unwrap().to_owned();
    for wanted in
        [request(&graph, "secret", "GET", "/a", ""), "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into()]
    {
        let mut stream = connect(&elsewhere);
        stream.write_all(wanted.as_bytes()).unwrap();
        assert_eq!(read(&mut stream, usize::MAX).status(), 200);
    }
    let log = command(&graph, "requests", json!({}));
    assert_eq!([&log[0]["authorization"], &log[1]["authorization"]], [true, false]);
    assert!(log[0]["elsewhere"] == true && !log.to_string().contains("secret"));
}

#[test]
fn a_literal_response_replaces_the_normal_one() {
    let answer = json!({"answer": {"status": 503, "headers": [["Retry-After", "1"], ["Retry-After", "2"]]}});
    let (seen, applied, status) = with(answer);
    assert_eq!(seen.headers().to_lowercase().matches("retry-after: ").count(), 2);
    let error = &seen.json()["error"];
    assert_eq!((&error["code"], &error["message"]), (&json!("UnknownError"), &json!("")));
    assert!(!applied && status == 503 && error["innerError"]["request-id"].is_string());
    let (seen, ..) = with(json!({"answer": {"body": {"a": 1}, "headers": {"x-one": "1"}}}));
    assert_eq!((seen.json(), seen.header("x-one").unwrap().as_str()), (json!({"a": 1}), "1"));
}

#[test]
fn a_fault_matches_the_requests_it_describes() {
    let graph = start();
    let to = |status: u16| json!({"answer": {"status": status}});
    let faults = json!({"faults": [
        {"user": "$dollar@contoso.com", "act": to(450)},
        {"user": "innocenty.popov@contoso.com", "method": "delete", "act": to(451)},
        {"path": "/beta/me/*/none?", "act": to(452)},
        {"path": "/beta/me/*/0fb4*", "nth": 2, "act": to(453)},
        {"path": "/beta/me/*/0fb4*", "nth": 3, "act": to(454)},
        {"probability": 0, "act": to(455)},
        {"method": "GET", "times": 1, "probability": 1, "act": to(456)},
    ]});
    command(&graph, "faults", faults);
    let get = |path: &str| send(&graph, "GET", path, "").status();
    assert_eq!(get("/beta/users/%24dollar@contoso.com/profile/certifications"), 450);
    assert_eq!(get("/beta/users/6f0f4d5c-5b1c-4d0e-9a3c-0c5f0f3f3a11/profile/certifications"), 450);
    assert_eq!(send(&graph, "DELETE", EXAMPLE, "").status(), 451);
    assert_eq!([get(EXAMPLE), get(EXAMPLE), get(EXAMPLE), get(EXAMPLE)], [453, 454, 456, 200]);
}

#[test]
fn a_delay_postpones_the_response() {
    let graph = start();
    fault(&graph, json!({"delay": {"fixed": 0.2}}));
    change(&graph);
    let entry = &command(&graph, "requests", json!({}))[0];
    assert!(entry["millis"].as_u64().unwrap() >= 200 && entry["status"] == 200, "{entry}");
    fault(&graph, json!({"delay": {"logNormal": {"median": 0.01, "sigma": 0.5}}}));
    assert_eq!(change(&graph).status(), 200);
}

#[test]
fn an_invalid_fault_is_refused_with_its_position() {
    let graph = start();
    for (wrong, place, why) in [
        (json!({"path": 1}), ".path", "expected text, got the number 1"),
        (json!({"pth": "x"}), ".pth", "unknown member; did you mean `path`?"),
        (json!({"act": "halfbody"}), ".act", "unknown fault action; did you mean `halfBody`?"),
        (json!({"act": 1}), ".act", "expected the name of an action, or an object with `answer` or `redirect`"),
        (json!({"act": {"redirect": "moon"}}), ".act.redirect", "unknown redirect target; allowed: sameHost, "),
        (
            json!({"act": {"redirect": "http", "status": 200}}),
            ".act.status",
            "must be from 300 to 399, got the number 200",
        ),
        (json!({"act": {"answr": {}}}), ".act.answr", "unknown member; did you mean `answer`?"),
        (json!({"act": {"answer": {"status": 20}}}), ".act.answer.status", "must be from 100 to 999"),
        (json!({"act": {"answer": {"headers": [["a b", "c"]]}}}), ".act.answer.headers", "\"a b\""),
        (json!({"act": {"answer": {"headers": [["a"]]}}}), ".act.answer.headers", "expected [name, value]"),
        (json!({"act": {"answer": {"headers": "x"}}}), ".act.answer.headers", "expected an object of texts, or a list"),
        (json!({"probability": 1.5}), ".probability", "must be from 0 to 1, got the number 1.5"),
        (json!({"nth": 0}), ".nth", "must be at least 1, got the number 0"),
        (json!({"delay": {"fixed": 61}}), ".delay.fixed", "must be from 0 to 60"),
        (json!({"delay": {}}), ".delay", "either `fixed` or `logNormal`"),
        (json!({"delay": {"logNormal": {"median": 1}}}), ".delay.logNormal.sigma", "must be given"),
        (json!({"step": 0, "act": "halfBody"}), ".act", "not to a `step`"),
    ] {
        let error = graph.command("faults", &json!({"faults": [{}, wrong]})).unwrap_err();
        assert_eq!(error.details.parameter, Some(format!("faults[1]{place}")), "{error}");
        assert!(error.message.contains(why), "{error} should say {why}");
    }
    assert_eq!(change(&graph).status(), 200);
}

#[test]
fn a_reset_removes_faults_and_reads_the_file_again() {
    let file = std::env::temp_dir().join(format!("faults-{}.json", std::process::id()));
    std::fs::write(&file, r#"[{"act": {"answer": {"status": 507}}, "times": 1}]"#).unwrap();
    let options = json!({"faults": file, "randomSeed": 1});
    let graph = personcert_local::LocalGraph::start(
        personcert_local::Options::read(options.as_object().unwrap(), personcert::host::Dialect::GRAPH).unwrap(),
    )
    .unwrap();
    fault(&graph, json!({"act": {"answer": {"status": 508}}}));
    assert_eq!([change(&graph).status(), change(&graph).status()], [507, 508]);
    command(&graph, "reset", json!({}));
    assert_eq!([change(&graph).status(), change(&graph).status()], [507, 200]);
    std::fs::write(&file, r#"[{"nth": 0}]"#).unwrap();
    let error = graph.command("reset", &json!({})).unwrap_err().to_string();
    assert!(error.contains("faults[0]"), "{error}");
    std::fs::remove_file(&file).unwrap();
}
