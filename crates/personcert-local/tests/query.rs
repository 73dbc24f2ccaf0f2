//! The query options of a list, and the addresses of an item.

#![allow(missing_docs, dead_code)]

mod support;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use personcert_local::LocalGraph;
use serde_json::{Value, json};
use support::{EXAMPLE, command, send, send_as, start};

const LIST: &str = "/beta/users/%24dollar@contoso.com/profile/certifications";

/// Four certifications, added in this order.
fn seeded() -> LocalGraph {
    let graph = start();
    for (id, name, number, start, created) in [
        ("a", json!("Cherry"), json!("N-1"), json!("2024-02-29"), "2024-01-04T00:00:00Z"),
        ("b", json!("apple"), json!("N-2"), json!("2024-03-01"), "2024-01-03T00:00:00Z"),
        ("c", json!("Bob's 100%"), json!("N-2"), Value::Null, "2024-01-02T00:00:00.0000001Z"),
        ("d", Value::Null, json!("M-3"), json!("2025-01-01"), "2024-01-02T00:00:00.5Z"),
    ] {
        let certification = json!({
            "id": id, "displayName": name, "certificationId": number, "startDate": start, "createdDateTime": created,
        });
        command(&graph, "add", json!({"user": "$dollar@contoso.com", "certification": certification}));
    }
    graph
}

fn list(graph: &LocalGraph, options: &[(&str, &str)]) -> (u16, Value) {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query: Vec<_> = options.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let seen = send(graph, "GET", &format!("{LIST}?{}", query.join("&")), "");
    (seen.status(), seen.json())
}

fn ids(graph: &LocalGraph, options: &[(&str, &str)]) -> String {
    let (status, body) = list(graph, options);
    assert_eq!(status, 200, "{options:?}: {body}");
    body["value"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn filters_select_what_they_say() {
    let graph = seeded();
    for (filter, expected) in [
        ("displayName eq 'Cherry' and certificationId eq 'N-1'", "a"),
        ("displayName eq 'Cherry' and certificationId eq 'N-2'", ""),
        ("displayName eq 'Cherry' or displayName eq 'Apple'", "ba"),
        ("certificationId eq 'N-2' and (displayName eq 'apple' or displayName eq 'Cherry')", "b"),
        ("displayName eq 'Cherry' or displayName eq 'apple' and certificationId eq 'none'", "a"),
        ("(displayName eq 'Cherry' or displayName eq 'apple') and certificationId eq 'none'", ""),
        ("not (certificationId eq 'N-2')", "da"),
        ("not certificationId eq 'N-2'", "da"),
        ("not startswith(certificationId,'N-')", "d"),
        ("certificationId ne 'N-2'", "da"),
        ("displayName ne 'Cherry'", "cdb"),
        ("displayName eq null", "d"),
        ("displayName ne null", "cba"),
        ("displayName eq 'Bob''s 100%'", "c"),
        ("startswith(displayName,'Bob''s')", "c"),
        ("startswith( displayName , 'CH' )", "a"),
        ("contains(displayName,'PP')", "b"),
        ("not contains(displayName,'p')", "ca"),
        ("startDate eq 2024-02-29", "a"),
        ("startDate ne 2024-02-29", "cdb"),
        ("startDate gt 2024-02-29", "db"),
        ("startDate ge 2024-02-29", "dba"),
        ("startDate lt 2024-03-01", "a"),
        ("startDate le 2024-03-01", "ba"),
        ("startDate gt 2024-02-29 and startDate lt 2025-01-01", "b"),
        ("createdDateTime gt 2024-01-02T00:00:00.0000001Z", "dba"),
        ("createdDateTime ge 2024-01-02T01:00:00.0000001+01:00", "cdba"),
        ("id eq 'A'", "a"),
        ("allowedAudiences eq 'organization'", "cdba"),
    ] {
        assert_eq!(ids(&graph, &[("$filter", filter)]), expected, "{filter}");
    }
}

#[test]
fn a_filter_that_is_not_supported_is_refused() {
    let graph = seeded();
    let deep = "(".repeat(200) + "id eq 'a'" + &")".repeat(200);
    let nots = "not ".repeat(200) + "id eq 'a'";
    for filter in [
        "",
        "displayName",
        "displayName eq",
        "displayName eq Cherry",
        "displayName eq 'Cherry",
        "displayName eq 'a' and",
        "displayName eq 'a' xor displayName eq 'b'",
        "(displayName eq 'a'",
        "displayName eq 'a')",
        "displayName gt 'a'",
        "displayName in ('a','b')",
        "nothing eq 'a'",
        "startDate eq '2024-01-01'",
        "startDate eq 2024-13-01",
        "startDate gt null",
        "createdDateTime gt 2024-01-01",
        "startswith(displayName)",
        "startswith(startDate,'2024')",
        "endswith(displayName,'a')",
        "tolower(displayName) eq 'a'",
        "inference/confidenceScore gt 1",
        "displayName eq 'a' displayName eq 'b'",
        "sources/any()",
        "displayName  eq 'a' AND id eq 'a'",
        &deep,
        &nots,
    ] {
        let (status, body) = list(&graph, &[("$filter", filter)]);
        assert_eq!((status, &body["error"]["code"]), (400, &json!("BadRequest")), "{filter}: {body}");
    }
}

#[test]
fn lists_are_ordered_by_several_properties_and_by_creation_otherwise() {
    let graph = seeded();
    assert_eq!(ids(&graph, &[]), "cdba", "the oldest comes first");
    for (order, expected) in [
        ("certificationId,displayName", "dabc"),
        ("certificationId asc,displayName desc", "dacb"),
        ("certificationId desc , createdDateTime desc", "bcad"),
        ("certificationId desc,createdDateTime", "cbad"),
        ("displayName", "dbca"),
        ("displayName desc", "acbd"),
        ("startDate desc", "dbac"),
    ] {
        assert_eq!(ids(&graph, &[("$orderby", order)]), expected, "{order}");
    }
    for order in ["", "nothing", "displayName up", "displayName asc desc", "displayName,", "inference", "createdBy"] {
        assert_eq!(list(&graph, &[("$orderby", order)]).0, 400, "{order}");
    }
}

#[test]
fn pages_end_where_they_should() {
    let graph = seeded();
    let (_, none) = list(&graph, &[("$top", "0")]);
    assert_eq!((&none["value"], none.get("@odata.nextLink")), (&json!([]), None));
    for skip in ["18446744073709551615", "18446744073709551614", "9223372036854775807"] {
        let (status, body) = list(&graph, &[("$skip", skip), ("$top", "1")]);
        assert_eq!((status, &body["value"]), (200, &json!([])), "{skip}");
    }
    for wrong in ["-1", "x", "18446744073709551616"] {
        assert_eq!(list(&graph, &[("$skip", wrong)]).0, 400, "{wrong}");
        assert_eq!(list(&graph, &[("$top", wrong)]).0, 400, "{wrong}");
    }
    let (_, page) = list(&graph, &[("$top", "3"), ("$filter", "not (id eq 'a')"), ("$select", "displayName")]);
    assert_eq!(page["value"].as_array().unwrap().len(), 3);
    assert!(page.get("@odata.nextLink").is_none());
}

#[test]
fn the_context_names_what_was_selected() {
    let graph = seeded();
    let user = "6f0f4d5c-5b1c-4d0e-9a3c-0c5f0f3f3a11";
    let base = format!("{}/beta/$metadata#users('{user}')/profile/certifications", graph.url());
    let context = |path: &str| send(&graph, "GET", path, "").json()["@odata.context"].clone();
    assert_eq!(context(LIST), base);
    assert_eq!(context(&format!("{LIST}?$select=displayName,%20id")), format!("{base}(displayName,id)"));
    assert_eq!(context(&format!("{LIST}/a")), format!("{base}/$entity"));
    assert_eq!(context(&format!("{LIST}/a?$select=endDate")), format!("{base}(endDate)/$entity"));
}

#[test]
fn the_canonical_form_and_a_trailing_slash_name_the_same_item() {
    let graph = start();
    let id = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
    for path in [
        format!("/beta/me/profile/certifications('{id}')"),
        format!("/beta/me/profile/certifications(%27{id}%27)"),
        format!("/beta/users('innocenty.popov@contoso.com')/profile/certifications('{id}')"),
        format!("{EXAMPLE}/"),
        "/beta/me/profile/certifications/".into(),
    ] {
        assert_eq!(send(&graph, "GET", &path, "").status(), 200, "{path}");
    }
    let quoted = json!({"id": "it's", "displayName": "x"});
    command(&graph, "add", json!({"user": "innocenty.popov@contoso.com", "certification": quoted}));
    assert_eq!(send(&graph, "GET", "/beta/me/profile/certifications('it''s')", "").status(), 200);
    let missing = send(&graph, "PATCH", "/beta/me/profile/certifications('none')", r#"{"displayName":"x"}"#);
    assert_eq!(missing.status(), 404);
}

#[test]
fn an_unknown_segment_is_named() {
    let graph = start();
    for (path, segment) in [
        ("/beta/nothing", "nothing"),
        ("/beta/me/nothing", "nothing"),
        ("/beta/me/profile/nothing", "nothing"),
        ("/beta/me/profile/certifications/a/nothing", "nothing"),
        ("/beta/me/profile/certifications('a')/nothing/more", "nothing"),
        ("/beta/users/a/nothing/more", "nothing"),
        ("/beta/users(')/profile", "users(')"),
        ("/beta/users('/profile", "users('"),
        ("/beta/users('')')/profile/certifications", "users('')')"),
        ("/beta/me/profile/certifications(')", "certifications(')"),
        ("/v1.0/me/profile/certifications", "profile"),
        ("/beta/%ff", "%ff"),
    ] {
        let seen = send(&graph, "GET", path, "");
        let message = format!("Resource not found for the segment '{segment}'.");
        assert_eq!((seen.status(), &seen.json()["error"]["message"]), (400, &json!(message)), "{path}");
    }
}

#[test]
fn the_scheme_of_a_token_is_read_without_case() {
    let graph = start();
    let token = support::token(&graph);
    let ask = |scheme: &str| {
        let request = support::request(&graph, &token, "GET", EXAMPLE, "").replace("Bearer ", scheme);
        let mut stream = support::connect(graph.url());
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        support::read(&mut stream, usize::MAX).status()
    };
    for (scheme, status) in [("bearer ", 200), ("BEARER ", 200), ("Bearer  ", 200), ("Basic ", 401), ("Bearer", 401)] {
        assert_eq!(ask(scheme), status, "{scheme:?}");
    }
    assert_eq!(send_as(&graph, "", "GET", EXAMPLE, "").status(), 401);
}
