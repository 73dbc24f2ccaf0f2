//! How a certification is read, compared and changed, through the public types.

use personcert::host::{Dialect, Naming};
use personcert::schema::{Input, Verb};
use personcert::schema::{PROPERTIES, PropertyId};
use personcert::value::InferenceData;
use personcert::{Audiences, CertificationPatch, Change, Date, PersonCertification};
use serde_json::{Value, json};

fn read(value: &Value) -> PersonCertification {
    serde_json::from_str(&value.to_string()).expect("an object")
}

fn patch(changes: &Value) -> CertificationPatch {
    let changes = changes.as_object().expect("an object");
    CertificationPatch::read(changes, Verb::Update, Dialect::GRAPH).expect("a valid patch")
}

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

#[test]
fn known_members_are_read_as_typed_values_and_written_back_unchanged() {
    let wire = json!({
        "allowedAudiences": "organization",
        "displayName": "Marketing Blackbelt",
        "endDate": "2027-07-06",
        "inference": {"@odata.type": "#microsoft.graph.inferenceData", "confidenceScore": 0.5},
        "webUrl": null,
        "id": "0fb4c1e3",
        "createdBy": {"application": null, "device": null, "user": {"displayName": "Innocenty Popov", "id": "db78"}},
        "source": {"type": ["People", "Manual"]},
        "sources": [{"sourceId": "a", "properties": ["displayName"]}],
        "isSearchable": true,
        "new": {"a": [1, 1.5, null]}
    });
    let certification = read(&wire);
    assert_eq!(certification.allowed_audiences, Some(Audiences::named("organization")));
    assert_eq!(certification.end_date, Some(date("2027-07-06")));
    assert_eq!(certification.inference.as_ref().and_then(|inference| inference.confidence_score), Some(0.5));
    let user = certification.created_by.as_ref().and_then(|by| by.user.as_ref());
    assert_eq!(user.and_then(|user| user.display_name.as_deref()), Some("Innocenty Popov"));
    assert_eq!(certification.source.as_ref().and_then(|source| source.r#type.clone()).unwrap_or_default().len(), 2);
    assert!(certification.is_null("webUrl") && !certification.is_null("description") && !certification.is_null("id"));
    assert_eq!(certification.extra.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(serde_json::to_value(&certification).expect("JSON"), wire);
}

#[test]
fn a_value_of_another_type_is_kept_as_it_was() {
    for (name, value) in [
        ("endDate", json!("+024-01-01")),
        ("endDate", json!(7)),
        ("displayName", json!(["a"])),
        ("isSearchable", json!("true")),
        ("allowedAudiences", json!(-1)),
        ("inference", json!("text")),
        ("sources", json!([{"id": "a"}, 7, null])),
    ] {
        let wire = json!({ name: value });
        let certification = read(&wire);
        assert_eq!(certification.extra.get(name), Some(&value), "{name}");
        assert!(!certification.is_null(name));
        assert_eq!(serde_json::to_value(&certification).expect("JSON"), wire);
    }
}

#[test]
fn the_last_of_a_repeated_member_counts_whatever_came_before() {
    let last = |text: &str| serde_json::from_str::<PersonCertification>(text).expect("an object");
    for text in [
        r#"{"endDate":null,"endDate":"2024-01-01"}"#,
        r#"{"endDate":7,"endDate":"2024-01-01"}"#,
        r#"{"endDate":"2020-01-01","endDate":"2024-01-01"}"#,
    ] {
        assert_eq!(last(text), last(r#"{"endDate":"2024-01-01"}"#), "{text}");
    }
    assert_eq!(last(r#"{"endDate":"2024-01-01","endDate":null}"#), last(r#"{"endDate":null}"#));
    assert_eq!(last(r#"{"endDate":null,"endDate":7}"#), last(r#"{"endDate":7}"#));
}

#[test]
fn a_difference_leaves_out_only_what_is_known_to_be_the_same() {
    let difference = |changes: Value, current: Value| patch(&changes).difference(&read(&current)).names();
    assert!(difference(json!({"webUrl": null}), json!({"webUrl": null})).is_empty());
    assert_eq!(difference(json!({"webUrl": null}), json!({})), ["webUrl"]);
    assert_eq!(difference(json!({"endDate": null}), json!({"endDate": "Date"})), ["endDate"]);
    assert!(difference(json!({"endDate": "2024-01-01"}), json!({"endDate": "2024-01-01"})).is_empty());
    assert_eq!(difference(json!({"webUrl": "https://a/"}), json!({"webUrl": "https://a"})), ["webUrl"]);
    assert_eq!(difference(json!({"description": "a"}), json!({"description": " a"})), ["description"]);
    let inference = json!({"inference": {"confidenceScore": 0.5}});
    let annotated = json!({"inference": {"@odata.type": "x", "confidenceScore": 0.5, "userHasVerifiedAccuracy": null}});
    assert!(difference(inference.clone(), annotated).is_empty());
    let more = json!({"inference": {"confidenceScore": 0.5, "userHasVerifiedAccuracy": true}});
    assert_eq!(difference(inference, more), ["inference"]);
}

#[test]
fn a_patch_is_applied_when_everything_that_was_sent_is_present() {
    let applied = |changes: Value, stored: Value| patch(&changes).is_applied_in(&read(&stored));
    for (changes, stored) in [
        (json!({"webUrl": "https://a.example/b"}), json!({"webUrl": "https://a.example/b/"})),
        (json!({"description": " a "}), json!({"description": "a"})),
        (json!({"description": null}), json!({"description": ""})),
        (json!({"description": null}), json!({"description": null})),
        (json!({"description": null, "endDate": null, "inference": null}), json!({})),
        (json!({"endDate": null}), json!({"endDate": ""})),
        (json!({"description": ""}), json!({"description": null})),
        (json!({"allowedAudiences": "organization,contacts"}), json!({"allowedAudiences": "contacts, organization"})),
        (
            json!({"inference": {"confidenceScore": 0.5, "userHasVerifiedAccuracy": null}}),
            json!({"inference": {"@odata.type": "x", "confidenceScore": 0.5, "userHasVerifiedAccuracy": null, "new": 1}}),
        ),
        (
            json!({"inference": {"confidenceScore": 0.5}}),
            json!({"inference": {"confidenceScore": 0.5, "userHasVerifiedAccuracy": true}}),
        ),
    ] {
        assert!(applied(changes.clone(), stored.clone()), "{changes} in {stored}");
    }
    for (changes, stored) in [
        (json!({"webUrl": "https://a.example/b"}), json!({"webUrl": "https://a.example/c"})),
        (json!({"description": "a"}), json!({})),
        (json!({"description": "a"}), json!({"description": ["a"]})),
        (json!({"description": ""}), json!({"description": 7})),
        (json!({"description": null}), json!({"description": "a"})),
        (json!({"endDate": null}), json!({"endDate": "Date"})),
        (json!({"endDate": "2024-01-01", "description": "a"}), json!({"endDate": "2024-01-01"})),
        (
            json!({"inference": {"userHasVerifiedAccuracy": null}}),
            json!({"inference": {"userHasVerifiedAccuracy": true}}),
        ),
    ] {
        assert!(!applied(changes.clone(), stored.clone()), "{changes} in {stored}");
    }
}

#[test]
fn a_cell_of_any_kind_sets_clears_or_keeps_its_property() {
    let mut patch = CertificationPatch::default();
    let mut set = |name: &str, input: Input<'_>| {
        let id = PropertyId::find(name, Naming::Snake).expect("a property");
        let dialect = Dialect { naming: Naming::Snake, ..Dialect::GRAPH };
        patch.set(id, input, Verb::Update, dialect).map_err(|error| error.to_string())
    };
    let inference = json!({"confidence_score": 1});
    for (name, input) in [
        ("end_date", Input::Date(date("2030-07-06"))),
        ("start_date", Input::Text("2024-03-01")),
        ("description", Input::Clear),
        ("display_name", Input::Text("New")),
        ("inference", Input::Json(&inference)),
        ("web_url", Input::Text("https://a.example")),
        ("web_url", Input::Absent),
    ] {
        assert_eq!(set(name, input), Ok(()), "{name}");
    }
    let refused = set("display_name", Input::Float(1.5)).expect_err("no text");
    assert_eq!(refused, "display_name: expected text, got the number 1.5");
    let refused = set("source", Input::Clear).expect_err("not updatable");
    assert!(refused.starts_with("source: only a create can set this property; it can't be changed; allowed: "));
    let refused = set("id", Input::Text("a")).expect_err("read-only");
    assert!(
        refused.starts_with("id: the service sets this property; it can't be changed; allowed: allowed_audiences, ")
    );
    let bytes = serde_json::to_string(&patch).expect("JSON");
    let wanted = concat!(
        r#"{"description":null,"displayName":"New","endDate":"2030-07-06","#,
        r#""inference":{"confidenceScore":1.0},"startDate":"2024-03-01"}"#
    );
    assert_eq!(bytes, wanted);
}

#[test]
fn annotations_of_an_inference_that_was_read_are_not_sent() {
    let changes =
        json!({"inference": {"@odata.type": "x", "confidenceScore@odata.type": "#Double", "confidenceScore": 0.5}});
    let wanted = InferenceData { confidence_score: Some(0.5), ..Default::default() };
    assert_eq!(patch(&changes).inference, Change::Set(wanted));
    let misspelt = json!({"inference": {"confidenceScor": 0.5}});
    let error = CertificationPatch::read(misspelt.as_object().expect("an object"), Verb::Update, Dialect::GRAPH)
        .expect_err("a misspelt member");
    assert_eq!(error.details.parameter.as_deref(), Some("inference.confidenceScor"));
}

#[test]
fn a_property_is_found_by_its_name_in_either_spelling() {
    for property in PROPERTIES {
        let camel = PropertyId::find(property.name, Naming::Camel).expect("its name");
        assert_eq!(PropertyId::find(property.snake, Naming::Snake), Some(camel));
        assert_eq!(camel.property().name, property.name);
    }
    assert_eq!(PropertyId::find("end_date", Naming::Camel), None);
}
