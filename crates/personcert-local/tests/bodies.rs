//! What a request body may hold, and what becomes of it.

#![allow(missing_docs, dead_code)]

mod support;

use serde_json::{Value, json};
use support::{EXAMPLE, command, send, send_as, start};

const LIST: &str = "/beta/me/profile/certifications";

fn patch(body: &Value) -> (u16, Value) {
    let graph = start();
    let seen = send(&graph, "PATCH", EXAMPLE, &body.to_string());
    (seen.status(), seen.json())
}

#[test]
fn dates_are_four_two_and_two_digits() {
    for date in [
        "+024-01-01",
        "-024-01-01",
        " 2024-1-01",
        "2024-1-1",
        "2024-01-1 ",
        "2024-02-30",
        "2024-13-01",
        "0000-01-01",
        "20240101",
        "2024-01-01T00:00:00Z",
        "٢٠٢٤-01-01",
        "2024−01−01",
        "",
        "Date",
    ] {
        let (status, body) = patch(&json!({"endDate": date}));
        assert_eq!((status, &body["error"]["code"]), (400, &json!("RequestBodyRead")), "{date:?}");
    }
    for date in ["0001-01-01", "2024-02-29", "9999-12-31"] {
        let (status, body) = patch(&json!({"endDate": date}));
        assert_eq!((status, &body["endDate"]), (200, &json!(date)));
    }
}

#[test]
fn annotations_are_accepted_and_not_stored() {
    let (status, body) = patch(&json!({
        "@odata.type": "#microsoft.graph.personCertification",
        "allowedAudiences@odata.type": "#microsoft.graph.allowedAudiences",
        "allowedAudiences": "contacts",
        "inference": {
            "@odata.type": "#microsoft.graph.inferenceData", "confidenceScore@odata.type": "#Double", "confidenceScore": 0.5,
        },
    }));
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["inference"], json!({"confidenceScore": 0.5, "userHasVerifiedAccuracy": null}));
    assert!(body["allowedAudiences"] == "contacts" && body.get("allowedAudiences@odata.type").is_none());
    let (status, body) = patch(&json!({"nothing@odata.type": "#String"}));
    assert_eq!(status, 400, "an annotation of an unknown property: {body}");
}

#[test]
fn a_double_may_be_one_of_three_words() {
    for score in [json!("INF"), json!("-INF"), json!("NaN"), json!(1024), json!(0.25), json!(null)] {
        let (status, body) = patch(&json!({"inference": {"confidenceScore": score}}));
        assert_eq!((status, &body["inference"]["confidenceScore"]), (200, &score));
    }
    for score in [json!("Infinity"), json!("nan"), json!("1"), json!(true), json!([])] {
        assert_eq!(patch(&json!({"inference": {"confidenceScore": score}})).0, 400, "{score}");
    }
    for inference in [json!("x"), json!([]), json!({"unknown": 1}), json!({"userHasVerifiedAccuracy": "true"})] {
        assert_eq!(patch(&json!({"inference": inference})).0, 400, "{inference}");
    }
}

#[test]
fn a_change_of_one_member_of_inference_keeps_the_other() {
    let graph = start();
    let change = |inference: Value| {
        let seen = send(&graph, "PATCH", EXAMPLE, &json!({"inference": inference}).to_string());
        assert_eq!(seen.status(), 200, "{}", seen.text());
        seen.json()["inference"].clone()
    };
    let both = |score: Value, verified: Value| json!({"confidenceScore": score, "userHasVerifiedAccuracy": verified});
    assert_eq!(change(json!({"confidenceScore": 1})), both(json!(1), Value::Null));
    assert_eq!(change(json!({"userHasVerifiedAccuracy": true})), both(json!(1), json!(true)));
    assert_eq!(change(json!({"confidenceScore": null})), both(Value::Null, json!(true)));
    assert_eq!(change(json!({})), both(Value::Null, json!(true)));
    assert_eq!(change(Value::Null), Value::Null);
    assert_eq!(command(&graph, "certifications", json!({}))[0]["inference"], Value::Null);
}

#[test]
fn a_created_item_keeps_its_source() {
    let graph = start();
    let create = |source: Value| {
        let seen = send(&graph, "POST", LIST, &json!({"displayName": "x", "source": source}).to_string());
        (seen.status(), seen.json())
    };
    for source in [json!({"type": ["Portal", "HR"]}), json!({"type": []}), json!({"type": null}), Value::Null] {
        let (status, body) = create(source.clone());
        assert_eq!((status, &body["source"]), (201, &source), "{body}");
        let path = format!("{LIST}/{}", body["id"].as_str().unwrap());
        assert_eq!(send(&graph, "GET", &path, "").json()["source"], source);
        let changed = send(&graph, "PATCH", &path, r#"{"source": {"type": ["other"]}}"#);
        assert_eq!((changed.status(), &changed.json()["source"]), (200, &source), "an update ignores it");
    }
    let annotated = json!({"@odata.type": "#microsoft.graph.personDataSources", "type@odata.type": "#Collection(String)", "type": ["x"]});
    assert_eq!(create(annotated).1["source"], json!({"type": ["x"]}));
    for source in [json!("x"), json!({"type": "x"}), json!({"type": [1]}), json!({"unknown": []}), json!([])] {
        assert_eq!(create(source.clone()).0, 400, "{source}");
    }
}

#[test]
fn a_change_by_an_application_names_the_application() {
    let graph = start();
    let token = command(&graph, "token", json!({"kind": "app"}));
    let path = EXAMPLE.replace("/me/", "/users/innocenty.popov@contoso.com/");
    let seen = send_as(&graph, token.as_str().unwrap(), "PATCH", &path, r#"{"displayName":"x"}"#);
    let by = &seen.json()["lastModifiedBy"];
    assert_eq!((&by["user"], &by["device"]), (&Value::Null, &Value::Null), "{by}");
    assert_eq!(by["application"]["id"], personcert_local::PUBLIC_APP);
    assert!(by["application"]["displayName"].is_string(), "{by}");
    let list = "/beta/users/innocenty.popov@contoso.com/profile/certifications";
    let created = send_as(&graph, token.as_str().unwrap(), "POST", list, r#"{"displayName":"x"}"#).json();
    assert_eq!(created["createdBy"], *by);
}
