//! Which addresses and web origins the local Graph answers.

#![allow(missing_docs, dead_code)]

mod support;

use std::io::Write as _;
use std::net::Ipv4Addr;

use personcert_local::{LocalGraph, Options};
use serde_json::json;
use support::{EXAMPLE, Received, authority, change, changed, command, connect, read, start, token};

/// Sends a request with this `Host` and more headers.
fn ask(graph: &LocalGraph, line: &str, host: &str, headers: &str, body: &str) -> Received {
    let mut stream = connect(graph.url());
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    read(&mut stream, usize::MAX)
}

const TOKEN_FORM: &str = "grant_type=client_credentials&client_id=11111111-2222-3333-4444-555555555555&\
                          client_secret=local-secret&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// One request for each part of the server, with the status of an accepted one.
fn parts(graph: &LocalGraph) -> Vec<(String, String, String, u16)> {
    let bearer = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", token(graph));
    let patch = r#"{"displayName":"changed"}"#.to_owned();
    vec![
        ("POST /_local/clock".into(), String::new(), "{}".into(), 200),
        (format!("PATCH {EXAMPLE}"), bearer, patch, 200),
        ("POST /contoso.com/oauth2/v2.0/token".into(), FORM.into(), TOKEN_FORM.into(), 200),
        ("GET /contoso.com/v2.0/.well-known/openid-configuration".into(), String::new(), String::new(), 200),
    ]
}

#[test]
fn a_foreign_host_is_refused_everywhere() {
    let graph = start();
    let port = authority(&graph).rsplit_once(':').unwrap().1.to_owned();
    for (line, headers, body, _) in parts(&graph) {
        let foreign =
            ["evil.example".to_owned(), format!("evil.example:{port}"), "127.0.0.1".into(), "localhost:1".into()];
        for host in foreign.into_iter().chain([format!("127.0.0.1.evil.example:{port}"), format!("192.0.2.1:{port}")]) {
            let seen = ask(&graph, &line, &host, &headers, &body);
            assert_eq!(seen.status(), 421, "{line} with Host {host}: {}", seen.text());
        }
    }
    assert!(!changed(&graph));
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("LOCALHOST:{port}")] {
        for (line, headers, body, status) in parts(&graph) {
            assert_eq!(ask(&graph, &line, &host, &headers, &body).status(), status, "{line} with Host {host}");
        }
    }
}

#[test]
fn a_foreign_origin_is_refused_everywhere() {
    let graph = start();
    let host = authority(&graph).to_owned();
    for foreign in [
        "Origin: https://evil.example\r\n".to_owned(),
        "Origin: null\r\n".into(),
        "Origin: http://localhost:1\r\n".into(),
        "Sec-Fetch-Site: cross-site\r\n".into(),
        "Sec-Fetch-Site: same-site\r\n".into(),
        format!("Origin: http://{host}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Origin: http://{host}.evil.example\r\n"),
    ] {
        for (line, headers, body, _) in parts(&graph) {
            let seen = ask(&graph, &line, &host, &format!("{headers}{foreign}"), &body);
            assert_eq!(seen.status(), 403, "{line} with {foreign}: {}", seen.text());
            assert!(seen.text().contains("web page"), "{}", seen.text());
        }
    }
    assert!(!changed(&graph));
    for own in [format!("Origin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n"), "Sec-Fetch-Site: none\r\n".into()]
    {
        for (line, headers, body, status) in parts(&graph) {
            assert_eq!(ask(&graph, &line, &host, &format!("{headers}{own}"), &body).status(), status, "{line} {own}");
        }
    }
}

#[test]
fn another_site_may_link_to_the_sign_in_pages() {
    let graph = start();
    let host = authority(&graph).to_owned();
    let navigation = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let page = "/organizations/oauth2/v2.0/authorize?client_id=00000000-1111-2222-3333-444444444444&\
                response_type=code&redirect_uri=http://localhost:1&code_challenge=x&code_challenge_method=S256";
    let seen = ask(&graph, &format!("GET {page}"), &host, navigation, "");
    assert_eq!(seen.status(), 200, "{}", seen.text());
    assert_eq!(seen.header("x-frame-options").as_deref(), Some("DENY"), "other pages must not frame it");
    assert_eq!(ask(&graph, "GET /organizations/devicelogin", &host, navigation, "").status(), 200);
    let framed = navigation.replace("document", "iframe");
    assert_eq!(ask(&graph, &format!("GET {page}"), &host, &framed, "").status(), 403);
    assert_eq!(ask(&graph, "POST /organizations/devicelogin", &host, navigation, "code=x").status(), 403);
}

#[test]
fn an_exposed_graph_answers_to_addresses_and_plain_names() {
    let options = Options { host: Some(Ipv4Addr::UNSPECIFIED.into()), expose: true, ..Options::default() };
    let graph = LocalGraph::start(options).unwrap();
    for (host, status) in [("192.0.2.1:80", 200), ("[::1]:80", 200), ("graph", 200), ("evil.example:80", 421)] {
        assert_eq!(ask(&graph, "POST /_local/clock", host, "", "{}").status(), status, "{host}");
    }
}

#[test]
fn the_request_log_is_bounded_in_bytes() {
    let graph = start();
    let large = "x".repeat((4 << 20) - 1024);
    for _ in 0..40 {
        assert_eq!(support::send_as(&graph, "wrong", "PATCH", EXAMPLE, &large).status(), 401);
    }
    assert_eq!(change(&graph).status(), 200);
    let log = command(&graph, "requests", json!({}));
    let log = log.as_array().unwrap();
    let bytes: usize = log.iter().map(|entry| entry["body"].as_str().unwrap().len()).sum();
    assert!(bytes <= 32 << 20, "{bytes} bytes");
    assert_eq!(log[0]["truncated"], true, "a long body is cut");
    assert_eq!(log.last().unwrap()["body"], r#"{"displayName":"changed"}"#);
    assert!(log.last().unwrap().get("truncated").is_none());
}
