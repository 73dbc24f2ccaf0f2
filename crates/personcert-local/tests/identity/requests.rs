//! Requests to the identity side, and what they usually bring.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use personcert_local::LocalGraph;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::form_urlencoded::{Serializer, parse};

use crate::support::{EXAMPLE, Received, authority, connect, read, send_as};

pub const PUBLIC: &str = "00000000-1111-2222-3333-444444444444";
pub const CONFIDENTIAL: &str = "11111111-2222-3333-4444-555555555555";
pub const USER: &str = "innocenty.popov@contoso.com";
pub const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const SCOPE: &str = "https://graph.microsoft.com/User.ReadWrite offline_access openid profile";
pub const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
pub const REDIRECT: &str = "http://localhost:1234";

pub fn get(graph: &LocalGraph, path: &str, headers: &str) -> Received {
    let (mut stream, host) = (connect(graph.url()), authority(graph));
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    read(&mut stream, usize::MAX)
}

pub fn post(graph: &LocalGraph, path: &str, form: &[(&str, &str)], headers: &str) -> Received {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    let (mut stream, host) = (connect(graph.url()), authority(graph));
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    .unwrap();
    read(&mut stream, usize::MAX)
}

pub fn request_token(graph: &LocalGraph, form: &[(&str, &str)]) -> Received {
    post(graph, "/contoso.com/oauth2/v2.0/token", form, "")
}

pub fn request_application_token(graph: &LocalGraph) -> Received {
    let scope = "https://graph.microsoft.com/.default";
    let form = [("client_id", CONFIDENTIAL), ("client_secret", "local-secret"), ("scope", scope)];
    request_token(graph, &[&form[..], &[("grant_type", "client_credentials")]].concat())
}

/// Picks a user on the page and returns the parameters of the redirect.
pub fn pick_user(graph: &LocalGraph, user: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let challenge = BASE64.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let mut query = vec![
        ("client_id", PUBLIC),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", SCOPE),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    query.extend(more);
    let text = Serializer::new(String::new()).extend_pairs(&query).finish();
    let page = get(graph, &format!("/organizations/oauth2/v2.0/authorize?{text}"), "");
    assert!(page.status() == 200 && page.text().contains("Innocenty Popov"), "{}", page.text());
    query.push(("user", user));
    let picked = post(graph, "/organizations/oauth2/v2.0/authorize", &query, "");
    assert_eq!(picked.status(), 302, "{}", picked.text());
    let location = picked.header("location").unwrap();
    parse(location.split_once('?').unwrap().1.as_bytes()).into_owned().collect()
}

pub fn redeem(graph: &LocalGraph, code: &str, more: &[(&str, &str)]) -> Received {
    let mut form = vec![
        ("client_id", PUBLIC),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in more {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    request_token(graph, &form)
}

/// Signs a user in and returns the response of the token endpoint.
pub fn sign_in(graph: &LocalGraph) -> Value {
    let came = pick_user(graph, USER, &[]);
    assert_eq!(came.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["code", "state"]);
    assert_eq!(came[1].1, "the state");
    let answer = redeem(graph, &came[0].1, &[]);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

pub fn refresh(graph: &LocalGraph, token_text: &str) -> Received {
    request_token(
        graph,
        &[("client_id", PUBLIC), ("grant_type", "refresh_token"), ("refresh_token", token_text), ("scope", SCOPE)],
    )
}

pub fn assert_refused(seen: &Received, status: u16, error: &str, number: u32) {
    let body = seen.json();
    assert_eq!(
        (seen.status(), &body["error"], &body["error_codes"][0]),
        (status, &json!(error), &json!(number)),
        "{body}"
    );
    let described = body["error_description"].as_str().unwrap();
    assert!(described.starts_with(&format!("AADSTS{number}: ")), "{described}");
    for name in ["trace_id", "correlation_id", "timestamp"] {
        assert!(body[name].as_str().is_some_and(|text| described.contains(text)), "{name} of {body}");
    }
}

pub fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

pub fn read_example(graph: &LocalGraph, token: &Value) -> Received {
    send_as(graph, token.as_str().unwrap(), "GET", EXAMPLE, "")
}
