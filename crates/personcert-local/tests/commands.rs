//! The table of commands: what they take and return is what their descriptions say.

#![allow(missing_docs, dead_code)]

mod support;

use personcert::host::Dialect;
use personcert::schema::{Kind, Property};
use personcert_local::COMMANDS;
use serde_json::{Value, json};

use support::{EXAMPLE, change, command, fault, send, start};

fn is_of(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Text => value.is_string(),
        Kind::Integer => value.is_u64(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::TextMap => value.as_object().is_some_and(|members| members.values().all(Value::is_string)),
        Kind::List(item) => {
            value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(|one| is_of(one, *item)))
        }
        Kind::Record(record) => {
            let Some(members) = value.as_object() else { return false };
            let fits = |property: &Property| match members.get(property.name) {
                None | Some(Value::Null) => !property.required,
                Some(value) => record.open || is_of(value, property.kind),
            };
            let is_known = |name: &String| record.properties.iter().any(|property| property.name == name);
            record.properties.iter().all(fits) && members.keys().all(is_known)
        }
        _ => false,
    }
}

#[test]
fn every_command_returns_what_its_description_says() {
    let graph = start();
    fault(&graph, json!({"nth": 2, "act": {"redirect": "otherPort"}}));
    change(&graph);
    send(&graph, "GET", EXAMPLE, "");
    send(&graph, "POST", "/contoso.com/oauth2/v2.0/token", "grant_type=x");
    for spec in COMMANDS {
        let arguments = match spec.name {
            "add" => json!({"user": "new@contoso.com", "certification": {"displayName": "Fire safety"}}),
            "script" => json!({"answers": []}),
            "faults" => json!({"faults": []}),
            "seed" => json!({"seed": 1}),
            "restore" => json!({"snapshot": 1}),
            "app" => json!({"clientId": "x"}),
            "lifetime" => json!({"seconds": 60}),
            "challenge" => json!({"claims": {}}),
            _ => Value::Null,
        };
        let result = command(&graph, spec.name, arguments);
        match spec.result {
            Some(kind) => assert!(is_of(&result, kind), "{}: {result}", spec.name),
            None => assert!(result.is_null(), "{}: {result}", spec.name),
        }
        assert!(spec.positional <= spec.arguments.properties.len(), "{}", spec.name);
        let required = spec.arguments.properties.iter().rposition(|property| property.required);
        assert!(
            required.is_none_or(|at| at < spec.positional),
            "{}: a required argument must be positional",
            spec.name
        );
    }
}

#[test]
fn an_unknown_name_gets_the_nearest_in_the_spelling_of_the_caller() {
    let graph = start();
    let snake = Dialect { naming: personcert::host::Naming::Snake, ..Dialect::GRAPH };
    for (name, arguments, dialect, problem) in [
        ("sign_ins", json!({}), Dialect::GRAPH, "command: unknown command; did you mean `signIns`?"),
        ("approve", json!({"usercode": "x"}), Dialect::GRAPH, "usercode: unknown argument; did you mean `userCode`?"),
        ("approve", json!({"usercode": "x"}), snake, "usercode: unknown argument; did you mean `user_code`?"),
        (
            "throttle",
            json!({"retry_after": "soon"}),
            snake,
            "retry_after: unknown form of Retry-After; allowed: integer, ",
        ),
        ("throttle", json!({"app": {"rate": -1}}), snake, "app.rate: must be at least 0, got the number -1"),
        ("lifetime", json!({"seconds": 86_401}), snake, "seconds: must be from 1 to 86400, got the number 86401"),
        ("lifetime", json!({}), snake, "seconds: must be given"),
        ("lifetime", json!([60]), snake, "expected an object (LifetimeArguments), got a list"),
    ] {
        let error = graph.command_in(name, &arguments, dialect).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error} should say {problem}");
    }
    // Documents are the same in every language.
    for delay in ["logNormal", "log_normal"] {
        let faults = json!({"faults": [{"delay": {(delay): {"median": 0, "sigma": 0}}}]});
        graph.command_in("faults", &faults, snake).unwrap();
    }
}
