//! `$batch`: steps, dependencies, limits, faults.

#![allow(missing_docs, dead_code)]

mod support;

use personcert_local::LocalGraph;
use serde_json::{Value, json};
use support::{Received, changed, command, fault, send, send_as, start};

const EXAMPLE: &str = "/me/profile/certifications/0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

fn batch(graph: &LocalGraph, steps: &[Value]) -> Received {
    send(graph, "POST", "/beta/$batch", &json!({"requests": steps}).to_string())
}

fn get(id: &str) -> Value {
    json!({"id": id, "method": "GET", "url": EXAMPLE})
}

fn statuses(seen: &Received) -> Vec<u64> {
    assert_eq!(seen.status(), 200, "{}", seen.text());
    seen.json()["responses"].as_array().unwrap().iter().map(|step| step["status"].as_u64().unwrap()).collect()
}

#[test]
fn steps_are_executed_in_order() {
    let graph = start();
    let headers = json!({"Content-Type": "application/json"});
    let seen = batch(
        &graph,
        &[
            json!({"id": "1", "method": "PATCH", "url": EXAMPLE, "headers": headers, "body": {"displayName": "changed"}}),
            json!({"id": "2", "method": "GET", "url": EXAMPLE.trim_start_matches('/')}),
            json!({"id": "3", "method": "GET", "url": "/users/%24dollar@contoso.com/profile/certifications?$top=1"}),
            json!({"id": "4", "method": "DELETE", "url": EXAMPLE, "dependsOn": ["1", "2"]}),
        ],
    );
    assert_eq!(statuses(&seen), [200, 200, 200, 204]);
    let steps = &seen.json()["responses"];
    assert_eq!([&steps[0]["id"], &steps[3]["id"]], ["1", "4"]);
    assert!(steps[0]["body"]["displayName"] == "changed" && steps[3].get("body").is_none());
    assert!(steps[0]["headers"]["Content-Type"].as_str().unwrap().starts_with("application/json"));
    assert_eq!(command(&graph, "requests", json!({})).as_array().unwrap().len(), 1);
}

#[test]
fn a_malformed_batch_is_refused_as_a_whole() {
    let graph = start();
    let many: Vec<Value> = (0..21).map(|n| get(&n.to_string())).collect();
    let patch = json!({"id": "1", "method": "PATCH", "url": EXAMPLE, "body": {"displayName": "changed"}});
    let with = |name: &str, value: Value| {
        let mut step = get("2");
        step[name] = value;
        vec![patch_with_type(), step]
    };
    for steps in [
        many.clone(),
        vec![],
        vec![get("a"), get("A")],
        vec![patch],
        with("id", json!("")),
        with("id", json!(2)),
        with("url", json!("https://graph.microsoft.com/beta/me")),
        with("url", json!("//graph.microsoft.com/beta/me")),
        with("url", json!("/$batch")),
        with("url", json!("/%24batch")),
        with("dependsOn", json!(["9"])),
        with("dependsOn", json!(["2"])),
        with("method", json!("NO METHOD")),
    ] {
        let seen = batch(&graph, &steps);
        assert_eq!(seen.status(), 400, "{steps:?}");
        assert!(seen.text().contains("Invalid batch payload format."));
        assert!(!changed(&graph), "no step is executed");
    }
    assert_eq!(statuses(&batch(&graph, &many[..20])), [200; 20]);
    assert_eq!(send(&graph, "POST", "/beta/$batch", "{").status(), 400);
    assert_eq!(send(&graph, "GET", "/beta/$batch", "").status(), 405);
    assert_eq!(send_as(&graph, "x", "POST", "/beta/$batch", "{}").status(), 401);
}

fn patch_with_type() -> Value {
    let headers = json!({"content-type": "application/json"});
    json!({"id": "1", "method": "PATCH", "url": EXAMPLE, "headers": headers, "body": {"displayName": "changed"}})
}

#[test]
fn a_step_after_a_failed_one_gets_424() {
    let graph = start();
    let mut after = get("b");
    after["dependsOn"] = json!(["C"]);
    let mut last = get("c2");
    last["dependsOn"] = json!(["b"]);
    let missing = json!({"id": "c", "method": "GET", "url": "/me/profile/certifications/none"});
    let seen = batch(&graph, &[last, after, missing, get("d")]);
    let mut by_id: Vec<_> = seen.json()["responses"].as_array().unwrap().clone();
    by_id.sort_by_key(|step| step["id"].as_str().unwrap().to_owned());
    let found: Vec<_> = by_id.iter().map(|step| step["status"].as_u64().unwrap()).collect();
    assert_eq!(found, [424, 404, 424, 200]);
}

#[test]
fn with_a_seed_the_responses_come_in_a_repeatable_random_order() {
    let graph = start();
    let steps: Vec<Value> = (0..20).map(|n| get(&n.to_string())).collect();
    let order = || -> Vec<Value> {
        let seen = batch(&graph, &steps);
        seen.json()["responses"].as_array().unwrap().iter().map(|step| step["id"].clone()).collect()
    };
    let straight: Vec<Value> = (0..20).map(|n| json!(n.to_string())).collect();
    assert_eq!(order(), straight);
    command(&graph, "seed", json!({"seed": 7}));
    let first = order();
    assert_ne!(first, straight);
    command(&graph, "seed", json!({"seed": 7}));
    assert_eq!(order(), first);
}

#[test]
fn limits_count_steps() {
    let graph = start();
    command(&graph, "throttle", json!({"mailbox": 4}));
    let steps: Vec<Value> = (0..6).map(|n| get(&n.to_string())).collect();
    let seen = batch(&graph, &steps);
    assert_eq!(statuses(&seen), [200, 200, 200, 200, 429, 429]);
    assert_eq!(seen.json()["responses"][5]["headers"]["Retry-After"], "1");
    let chain: Vec<Value> = (0..6)
        .map(|n: usize| {
            let mut step = get(&n.to_string());
            step["dependsOn"] = n.checked_sub(1).map_or(json!([]), |before| json!([before.to_string()]));
            step
        })
        .collect();
    assert_eq!(statuses(&batch(&graph, &chain)), [200; 6]);
    command(&graph, "throttle", json!({"app": {"rate": 0, "burst": 2}}));
    assert_eq!(statuses(&batch(&graph, &steps[..3])), [200, 200, 429]);
}

#[test]
fn faults_match_steps() {
    let graph = start();
    fault(&graph, json!({"step": 1, "act": {"answer": {"status": 503, "headers": {"Retry-After": "9"}}}}));
    fault(&graph, json!({"step": 2, "act": "html"}));
    let seen = batch(&graph, &[get("a"), get("b"), get("c")]);
    assert_eq!(statuses(&seen), [200, 503, 200]);
    let steps = &seen.json()["responses"];
    assert_eq!(steps[1]["headers"]["Retry-After"], "9");
    assert!(steps[1]["body"]["error"]["code"] == "UnknownError" && steps[2]["body"].is_string());

    for (act, expected) in [("duplicateBatchId", json!("a")), ("missingBatchId", Value::Null)] {
        for step in [Value::Null, json!(2)] {
            let graph = start();
            fault(&graph, json!({"step": step, "act": act}));
            let seen = batch(&graph, &[get("a"), get("b"), get("c")]);
            assert_eq!(seen.json()["responses"][2]["id"], expected, "{act} {step}");
        }
    }

    for (act, applied) in [("resetAfterReading", false), ("resetAfterApplying", true)] {
        let graph = start();
        fault(&graph, json!({"step": 1, "act": act}));
        let mut patch = patch_with_type();
        patch["id"] = json!("2");
        let seen = batch(&graph, &[get("1"), patch]);
        assert!(seen.reset && seen.bytes.is_empty());
        assert_eq!(changed(&graph), applied, "{act}");
    }
}

#[test]
fn step_headers_have_the_names_that_graph_writes() {
    let graph = start();
    let seen =
        batch(&graph, &[get("1"), json!({"id": "2", "method": "GET", "url": "/me/profile/certifications/none"})]);
    for step in seen.json()["responses"].as_array().unwrap() {
        let headers = step["headers"].as_object().unwrap();
        for name in ["Content-Type", "Cache-Control", "OData-Version", "request-id"] {
            assert!(headers.contains_key(name) || name == "OData-Version" && step["id"] == "2", "{name} of {step}");
        }
        assert!(!headers.contains_key("content-type"), "{step}");
    }
}

#[test]
fn a_step_may_have_null_members_and_a_method_in_lower_case() {
    let graph = start();
    let seen = batch(
        &graph,
        &[
            json!({"id": "1", "method": "get", "url": EXAMPLE, "headers": null, "body": null, "dependsOn": null}),
            json!({"id": "2", "method": "Get", "url": format!("{EXAMPLE}/")}),
            json!({"id": "3", "method": "GET", "url": EXAMPLE.replace("certifications/", "certifications('") + "')"}),
        ],
    );
    assert_eq!(statuses(&seen), [200, 200, 200]);
}

#[test]
fn a_batch_under_v1_gets_405_for_each_step() {
    let graph = start();
    let unknown = json!({"id": "2", "method": "GET", "url": "/me/nothing"});
    let body = json!({"requests": [get("1"), unknown, {"id": "3", "method": "DELETE", "url": EXAMPLE}]});
    let seen = send(&graph, "POST", "/v1.0/$batch", &body.to_string());
    assert_eq!(statuses(&seen), [405, 400, 405]);
    assert_eq!(seen.json()["responses"][0]["body"]["error"]["code"], "Request_BadRequest");
    assert_eq!(command(&graph, "certifications", json!({})).as_array().unwrap().len(), 1);
}
