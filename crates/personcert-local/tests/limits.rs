//! Throttling, the clock, the filters of the request log.

#![allow(missing_docs, dead_code)]

mod support;

use std::io::Write as _;

use serde_json::{Value, json};
use support::{EXAMPLE, change, command, connect, fault, read, request, send, send_as, start, token};

#[test]
fn buckets_drain_and_refill_with_the_clock() {
    for scope in ["app", "tenant", "user"] {
        let graph = start();
        command(&graph, "clock", json!({"freeze": true}));
        command(&graph, "throttle", json!({scope: {"rate": 0.5, "burst": 2}}));
        assert_eq!([change(&graph).status(), change(&graph).status()], [200, 200], "{scope}");
        let refused = change(&graph);
        assert_eq!((refused.status(), refused.header("retry-after").unwrap().as_str()), (429, "2"), "{scope}");
        assert_eq!(refused.json()["error"]["code"], "TooManyRequests");
        command(&graph, "clock", json!({"advance": 2}));
        assert_eq!([change(&graph).status(), change(&graph).status()], [200, 429], "{scope}");
        command(&graph, "throttle", json!({}));
        assert_eq!(change(&graph).status(), 200, "{scope}");
    }
}

#[test]
fn a_user_has_a_bucket_of_their_own() {
    let graph = start();
    command(&graph, "throttle", json!({"user": {"rate": 0, "burst": 1}}));
    let other = "/beta/users/$dollar@contoso.com/profile/certifications".replace('$', "%24");
    let get = |path: &str| send(&graph, "GET", path, "").status();
    assert_eq!([get(EXAMPLE), get(EXAMPLE), get(&other), get(&other)], [200, 429, 200, 429]);
}

#[test]
fn retry_after_is_written_in_the_chosen_form() {
    for (form, expected) in [
        ("integer", Some("3")),
        ("decimal", Some("2.5")),
        ("date", Some("Tue, 01 Jan 2030 00:00:03 GMT")),
        ("absent", None),
        ("garbage", Some("in a little while")),
    ] {
        let graph = start();
        command(&graph, "clock", json!({"freeze": true, "now": "2030-01-01T00:00:00Z"}));
        command(&graph, "throttle", json!({"app": {"rate": 0.4, "burst": 0}, "retryAfter": form}));
        let refused = change(&graph);
        assert_eq!((refused.status(), refused.header("retry-after").as_deref()), (429, expected), "{form}");
    }
    assert!(start().command("throttle", &json!({"retryAfter": "soon"})).is_err());
    assert!(start().command("throttle", &json!({"app": {"rate": -1, "burst": 1}})).is_err());
}

#[test]
fn a_mailbox_limits_its_requests_in_flight() {
    let graph = start();
    command(&graph, "throttle", json!({"mailbox": 2}));
    fault(&graph, json!({"times": 2, "delay": {"fixed": 0.5}}));
    let wanted = request(&graph, &token(&graph), "GET", EXAMPLE, "");
    let mut streams: Vec<_> = (0..3).map(|_| connect(graph.url())).collect();
    for stream in &mut streams {
        stream.write_all(wanted.as_bytes()).unwrap();
    }
    let mut statuses: Vec<u16> = streams.iter_mut().map(|stream| read(stream, usize::MAX).status()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(change(&graph).status(), 200);
}

#[test]
fn tokens_dates_and_timestamps_follow_the_clock() {
    let graph = start();
    let old = token(&graph);
    let now = command(&graph, "clock", json!({"freeze": true, "now": "2030-01-01T00:00:00Z"}));
    assert_eq!(now, "2030-01-01T00:00:00.0000000Z");
    assert_eq!(send_as(&graph, &old, "GET", EXAMPLE, "").status(), 401);
    let answer = change(&graph);
    assert_eq!(answer.header("date").unwrap(), "Tue, 01 Jan 2030 00:00:00 GMT");
    assert_eq!(answer.json()["lastModifiedDateTime"], "2030-01-01T00:00:00.0000000Z");
    let young = token(&graph);
    assert_eq!(command(&graph, "clock", json!({"advance": 3599})), "2030-01-01T00:59:59.0000000Z");
    assert_eq!(send_as(&graph, &young, "GET", EXAMPLE, "").status(), 200);
    command(&graph, "clock", json!({"advance": 1}));
    assert_eq!(send_as(&graph, &young, "GET", EXAMPLE, "").status(), 401);

    let real = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let back = real(&command(&graph, "clock", json!({"freeze": false})));
    assert!((back - jiff::Timestamp::now().as_second()).abs() < 5);
    let ahead = real(&command(&graph, "clock", json!({"skew": 600})));
    assert!((ahead - back - 600).abs() < 5);
    command(&graph, "reset", json!({}));
    assert!((real(&command(&graph, "clock", json!({}))) - back).abs() < 5);
    assert!(graph.command("clock", &json!({"now": "2030-01-01T00:00:00Z"})).is_err());
    assert!(graph.command("clock", &json!({"advance": "x"})).is_err());
}

#[test]
fn the_log_can_be_filtered() {
    let graph = start();
    change(&graph);
    send(&graph, "GET", "/beta/users/%24dollar@contoso.com/profile/certifications?$top=1", "");
    send(&graph, "GET", "/beta/nothing", "");
    let count = |filter: Value| command(&graph, "requests", filter).as_array().unwrap().len();
    assert_eq!(count(json!({})), 3);
    assert_eq!(count(json!({"method": "PATCH"})), 1);
    assert_eq!(count(json!({"path": "/beta/users/$dollar*certifications"})), 1);
    assert_eq!(count(json!({"user": "$dollar@contoso.com"})), 1);
    assert_eq!(count(json!({"user": "innocenty.popov@contoso.com"})), 1);
    assert_eq!(count(json!({"status": 400})), 1);
    assert_eq!(count(json!({"status": 200, "method": "GET"})), 1);
    let log = command(&graph, "requests", json!({}));
    assert!(log[0]["millis"].is_u64() && log[0]["headers"]["authorization"] == "Bearer …");
    assert!(graph.command("requests", &json!({"pth": "x"})).is_err());
}

#[test]
fn retry_after_is_never_early() {
    for (now, rate, form, expected) in [
        ("2030-01-01T00:00:00.9Z", 0.4, "date", "Tue, 01 Jan 2030 00:00:04 GMT"),
        ("2030-01-01T00:00:00.1Z", 1.0, "date", "Tue, 01 Jan 2030 00:00:02 GMT"),
        ("2030-01-01T00:00:00Z", 3.0, "decimal", "0.4"),
        ("2030-01-01T00:00:00Z", 0.8, "decimal", "1.3"),
        ("2030-01-01T00:00:00Z", 0.8, "integer", "2"),
    ] {
        let graph = start();
        command(&graph, "clock", json!({"freeze": true, "now": now}));
        command(&graph, "throttle", json!({"app": {"rate": rate, "burst": 1}, "retryAfter": form}));
        assert_eq!(change(&graph).status(), 200);
        let refused = change(&graph);
        assert_eq!(refused.header("retry-after").as_deref(), Some(expected), "{form} {rate}");
        let wait = match form {
            "date" => {
                expected[23..25].parse::<f64>().unwrap() - now[17..].trim_end_matches('Z').parse::<f64>().unwrap()
            }
            _ => expected.parse().unwrap(),
        };
        command(&graph, "clock", json!({"advance": wait}));
        assert_eq!(change(&graph).status(), 200, "{form} {rate}: the request after the wait is served");
    }
}

#[test]
fn the_burst_of_a_limit_defaults_to_one_second_of_its_rate() {
    let graph = start();
    command(&graph, "clock", json!({"freeze": true}));
    for (rate, expected) in [(2.0, [200, 200, 429]), (0.5, [200, 429, 429])] {
        command(&graph, "throttle", json!({"app": {"rate": rate}}));
        assert_eq!([(); 3].map(|()| change(&graph).status()), expected, "{rate}");
    }
}
