//! The identity side over plain sockets: each grant and each refusal.

#![allow(missing_docs, dead_code)]

mod requests;
#[path = "../support/mod.rs"]
mod support;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use personcert_local::LocalGraph;
use requests::{
    CONFIDENTIAL, DEVICE, PUBLIC, REDIRECT, SCOPE, USER, assert_refused, claims, get, pick_user, post, read_example,
    redeem, refresh, request_application_token, request_token, sign_in,
};
use serde_json::{Value, json};
use support::{EXAMPLE, command, send_as, start};

#[test]
fn discovery_lists_existing_endpoints() {
    let graph = start();
    let document = get(&graph, "/contoso.com/v2.0/.well-known/openid-configuration", "").json();
    for name in ["authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "jwks_uri"] {
        let path = document[name].as_str().unwrap().strip_prefix(graph.url()).unwrap();
        assert_ne!(get(&graph, path, "").status(), 404, "{name}");
    }
    let keys = get(&graph, "/contoso.com/discovery/v2.0/keys", "").json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&json!("RSA"), &json!("RS256")));
    let named = get(&graph, "/common/discovery/instance?api-version=1.1", "").json();
    assert_eq!(named["metadata"][0]["preferred_network"], graph.url().split_once("://").unwrap().1);
}

#[test]
fn the_issuer_is_the_same_in_discovery_and_in_id_tokens() {
    let graph = start();
    let issuer = claims(&sign_in(&graph)["id_token"])["iss"].clone();
    for tenant in ["contoso.com", "organizations", "9188040d-6c67-4c5b-b112-36a304b66dad"] {
        let document = get(&graph, &format!("/{tenant}/v2.0/.well-known/openid-configuration"), "").json();
        assert_eq!(document["issuer"], issuer, "{tenant}");
    }
    assert!(issuer.as_str().unwrap().starts_with(graph.url()), "{issuer}");
}

#[test]
fn a_large_sign_in_request_is_refused() {
    let graph = start();
    let large = "x".repeat(1 << 20);
    assert_eq!(request_token(&graph, &[("grant_type", &large), ("client_id", &large)]).status(), 413);
    assert_eq!(command(&graph, "signIns", json!({})), json!([]));
}

#[test]
fn a_secret_gets_an_application_token() {
    let graph = start();
    let answer = request_application_token(&graph).json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let inside = claims(&answer["access_token"]);
    assert_eq!((&inside["idtyp"], &inside["appid"]), (&json!("app"), &json!(CONFIDENTIAL)));
    let form = [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")];
    let header = "Authorization: Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1OmxvY2FsLXNlY3JldA==\r\n";
    assert_eq!(post(&graph, "/contoso.com/oauth2/v2.0/token", &form, header).status(), 200);
}

#[test]
fn an_invalid_application_request_is_refused_with_its_error_code() {
    let graph = start();
    let ask = |more: &[(&str, &str)]| request_token(&graph, &[&[("grant_type", "client_credentials")], more].concat());
    let scope = ("scope", "https://graph.microsoft.com/.default");
    assert_refused(&ask(&[scope]), 400, "invalid_request", 900_144);
    assert_refused(&ask(&[scope, ("client_id", "nobody")]), 400, "unauthorized_client", 700_016);
    assert_refused(&ask(&[scope, ("client_id", CONFIDENTIAL)]), 401, "invalid_client", 7_000_218);
    let wrong = [scope, ("client_id", CONFIDENTIAL), ("client_secret", "wrong")];
    assert_refused(&ask(&wrong), 401, "invalid_client", 7_000_215);
    assert_refused(&ask(&[scope, ("client_id", PUBLIC)]), 400, "unauthorized_client", 7_000_218);
    let narrow = [("scope", "User.Read"), ("client_id", CONFIDENTIAL), ("client_secret", "local-secret")];
    assert_refused(&ask(&narrow), 400, "invalid_scope", 1_002_012);
    let assertion = [scope, ("client_id", CONFIDENTIAL), ("client_assertion", "not.one.really")];
    assert_refused(&ask(&assertion), 401, "invalid_client", 700_027);
    let other = request_token(&graph, &[("grant_type", "password"), ("client_id", PUBLIC)]);
    assert_refused(&other, 400, "unsupported_grant_type", 70_003);
}

#[test]
fn another_issuers_token_needs_the_exchange_audience() {
    let graph = start();
    let exchange = |assertion: &str| {
        let form = [("client_id", CONFIDENTIAL), ("scope", "https://graph.microsoft.com/.default")];
        let proof = [("grant_type", "client_credentials"), ("client_assertion", assertion)];
        request_token(&graph, &[form, proof].concat())
    };
    assert_eq!(exchange(command(&graph, "federated", json!({})).as_str().unwrap()).status(), 200);
    let header = "Authorization: Bearer local-github-token\r\n";
    let job = get(&graph, "/_identity/github?audience=api%3A%2F%2FAzureADTokenExchange", header).json();
    assert_eq!(exchange(job["value"].as_str().unwrap()).status(), 200);
    let job = get(&graph, "/_identity/github?audience=somebody-else", header).json();
    assert_refused(&exchange(job["value"].as_str().unwrap()), 401, "invalid_client", 700_212);
    assert_eq!(get(&graph, "/_identity/github", "Authorization: Bearer another\r\n").status(), 401);
}

#[test]
fn a_user_gets_tokens_for_the_requested_scope() {
    let graph = start();
    let answer = sign_in(&graph);
    let (access, id) = (claims(&answer["access_token"]), claims(&answer["id_token"]));
    assert_eq!((&access["upn"], &access["scp"]), (&json!(USER), &json!("User.ReadWrite")));
    assert_eq!(
        (&id["preferred_username"], &id["nonce"], &id["aud"]),
        (&json!(USER), &json!("the nonce"), &json!(PUBLIC))
    );
    assert_eq!(read_example(&graph, &answer["access_token"]).status(), 200);
    let renewed = refresh(&graph, answer["refresh_token"].as_str().unwrap()).json();
    assert_ne!(renewed["refresh_token"], answer["refresh_token"]);
    assert_eq!(read_example(&graph, &renewed["access_token"]).status(), 200);
    let log = command(&graph, "signIns", json!({}));
    assert_eq!((&log[0]["grant"], &log[0]["user"]), (&json!("authorization_code"), &json!(USER)));
    assert!(!log.to_string().contains(answer["refresh_token"].as_str().unwrap()));
    assert_eq!(
        command(&graph, "requests", json!({})).as_array().map(Vec::len),
        Some(2),
        "sign-ins are not part of requests"
    );
}

#[test]
fn a_code_is_redeemed_once_by_its_requester() {
    let graph = start();
    let code = |graph: &LocalGraph| pick_user(graph, USER, &[])[0].1.clone();
    let wrong = [
        (("code_verifier", "another-verifier"), 501_481),
        (("redirect_uri", "http://localhost:4321"), 500_112),
        (("code", "no-code"), 70_008),
    ];
    for (more, number) in wrong {
        assert_refused(&redeem(&graph, &code(&graph), &[more]), 400, "invalid_grant", number);
    }
    let once = code(&graph);
    assert_eq!(redeem(&graph, &once, &[]).status(), 200);
    assert_refused(&redeem(&graph, &once, &[]), 400, "invalid_grant", 70_008);
    let late = code(&graph);
    command(&graph, "clock", json!({"advance": 601}));
    assert_refused(&redeem(&graph, &late, &[]), 400, "invalid_grant", 70_008);
}

#[test]
fn the_redirect_address_must_be_on_this_machine() {
    let graph = start();
    let place = "/organizations/oauth2/v2.0/authorize?response_type=code&code_challenge=x&code_challenge_method=S256";
    for back in ["https://example.com", "http://example.com", "http://localhost.example.com", "http://10.0.0.1", "x"] {
        let page = get(&graph, &format!("{place}&client_id={PUBLIC}&redirect_uri={back}"), "");
        assert!(page.status() == 400 && page.text().contains("AADSTS50011"), "{back}: {}", page.text());
    }
    let page = get(&graph, &format!("{place}&client_id=%3Cscript%3E&redirect_uri={REDIRECT}"), "");
    assert!(page.status() == 400 && !page.text().contains("<script>"), "{}", page.text());
    let declined = pick_user(&graph, "", &[]);
    assert_eq!(declined[0], ("error".into(), "access_denied".into()));
    let silent = get(&graph, &format!("{place}&client_id={PUBLIC}&redirect_uri={REDIRECT}&prompt=none&state=s"), "");
    assert!(silent.header("location").unwrap().contains("error=login_required"), "{}", silent.text());
}

#[test]
fn a_device_polls_until_its_code_is_decided() {
    let graph = start();
    let begin = || {
        let form = [("client_id", PUBLIC), ("scope", SCOPE)];
        post(&graph, "/organizations/oauth2/v2.0/devicecode", &form, "").json()
    };
    let poll = |device: &Value| {
        let code = device["device_code"].as_str().unwrap();
        request_token(&graph, &[("client_id", PUBLIC), ("grant_type", DEVICE), ("device_code", code)])
    };
    let device = begin();
    assert_eq!(device["expires_in"], 900);
    assert!(device["message"].as_str().unwrap().contains(device["user_code"].as_str().unwrap()));
    assert_refused(&poll(&device), 400, "authorization_pending", 70_016);
    assert_refused(&poll(&device), 400, "slow_down", 70_022);
    let approved = begin();
    command(&graph, "approve", json!({"userCode": approved["user_code"], "user": USER}));
    assert_eq!(claims(&poll(&approved).json()["access_token"])["upn"], USER);
    assert_refused(&poll(&approved), 400, "invalid_grant", 70_000);
    let declined = begin();
    command(&graph, "approve", json!({"userCode": declined["user_code"], "decline": true}));
    assert_refused(&poll(&declined), 400, "authorization_declined", 70_019);
    let late = begin();
    command(&graph, "clock", json!({"advance": 901}));
    assert_refused(&poll(&late), 400, "expired_token", 70_020);
    let form = [("client_id", CONFIDENTIAL), ("scope", SCOPE)];
    assert_refused(&post(&graph, "/organizations/oauth2/v2.0/devicecode", &form, ""), 401, "invalid_client", 7_000_218);
}

#[test]
fn a_reused_refresh_token_revokes_the_sign_in() {
    let graph = start();
    let answer = sign_in(&graph);
    let first = answer["refresh_token"].as_str().unwrap();
    let second = refresh(&graph, first).json();
    assert_eq!(refresh(&graph, first).status(), 200, "the response may have been lost");
    assert_refused(&refresh(&graph, first), 400, "invalid_grant", 70_000);
    assert_refused(&refresh(&graph, second["refresh_token"].as_str().unwrap()), 400, "invalid_grant", 9_002_313);
    let other = sign_in(&graph);
    command(&graph, "clock", json!({"advance": 91 * 24 * 3600}));
    assert_refused(&refresh(&graph, other["refresh_token"].as_str().unwrap()), 400, "invalid_grant", 700_082);
}

#[test]
fn a_revocation_affects_access_and_refresh_tokens() {
    let graph = start();
    let answer = sign_in(&graph);
    command(&graph, "revoke", json!({"user": USER}));
    let refusal = read_example(&graph, &answer["access_token"]);
    assert_eq!(refusal.status(), 401);
    assert!(refusal.header("www-authenticate").unwrap().contains("error=\"insufficient_claims\", claims=\""));
    assert_refused(&refresh(&graph, answer["refresh_token"].as_str().unwrap()), 400, "invalid_grant", 50_173);
    assert_eq!(read_example(&graph, &sign_in(&graph)["access_token"]).status(), 200);
}

#[test]
fn a_challenge_requires_a_token_with_its_claims() {
    let graph = start();
    let answer = sign_in(&graph);
    let demanded = json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}});
    command(&graph, "challenge", json!({"claims": demanded, "user": USER}));
    let refusal = read_example(&graph, &answer["access_token"]);
    let header = refusal.header("www-authenticate").unwrap();
    assert!(
        header.contains(&format!("authorization_uri=\"{}/common/oauth2/v2.0/authorize\"", graph.url())),
        "{header}"
    );
    let text = header.split("claims=\"").nth(1).unwrap().trim_end_matches('"');
    let told: Value = serde_json::from_slice(&base64::prelude::BASE64_STANDARD.decode(text).unwrap()).unwrap();
    assert_eq!(told, demanded);
    let form = |claims: &str| {
        let token_text = answer["refresh_token"].as_str().unwrap();
        let known = [("client_id", PUBLIC), ("grant_type", "refresh_token"), ("refresh_token", token_text)];
        request_token(&graph, &[&known[..], &[("claims", claims)]].concat()).json()
    };
    let same = form(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
    assert_eq!(read_example(&graph, &same["access_token"]).status(), 401);
    let better = form(&demanded.to_string());
    assert_eq!(read_example(&graph, &better["access_token"]).status(), 200);
    assert_eq!(
        read_example(&graph, &request_application_token(&graph).json()["access_token"]).status(),
        400,
        "an application has no /me"
    );
}

#[test]
fn the_lifetime_of_tokens_can_be_set() {
    let graph = start();
    command(&graph, "clock", json!({"freeze": true}));
    command(&graph, "lifetime", json!({"seconds": 60}));
    let answer = sign_in(&graph);
    assert_eq!(answer["expires_in"], 60);
    command(&graph, "clock", json!({"advance": 59}));
    assert_eq!(read_example(&graph, &answer["access_token"]).status(), 200);
    command(&graph, "clock", json!({"advance": 1}));
    assert_eq!(read_example(&graph, &answer["access_token"]).status(), 401);
}

#[test]
fn machine_endpoints_write_numbers_as_strings() {
    let graph = start();
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com";
    let answer = get(&graph, path, "Metadata: true\r\n").json();
    assert_eq!((&answer["expires_in"], &answer["token_type"]), (&json!("3600"), &json!("Bearer")));
    assert_eq!(get(&graph, path, "").status(), 400);
    assert_eq!(get(&graph, "/metadata/identity/oauth2/token?api-version=1", "Metadata: true\r\n").status(), 400);
    let path = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com";
    assert_eq!(get(&graph, path, "X-IDENTITY-HEADER: local-identity-header\r\n").status(), 200);
    assert_eq!(get(&graph, path, "X-IDENTITY-HEADER: another\r\n").status(), 401);
}

#[test]
fn forged_tokens_and_invalid_commands_are_refused() {
    let graph = start();
    let good = request_application_token(&graph).json()["access_token"].as_str().unwrap().to_owned();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, inside) = signed.split_once('.').unwrap();
    let none = BASE64.encode(r#"{"alg":"none"}"#);
    for forged in
        [format!("{none}.{inside}."), format!("{head}.{inside}x.{signature}"), format!("{head}.{inside}.AAAA")]
    {
        assert_eq!(send_as(&graph, &forged, "GET", EXAMPLE, "").status(), 401, "{forged}");
    }
    for (name, arguments) in [("lifetime", json!({"seconds": 0})), ("challenge", json!({"claims": {"a": 1}}))] {
        assert!(graph.command(name, &arguments).is_err(), "{name}");
    }
    let approve = json!({"userCode": "NOBODY"});
    for (name, arguments) in [("approve", approve), ("app", json!({"clientId": "x", "certificate": "no PEM"}))] {
        assert!(graph.command(name, &arguments).is_err(), "{name}");
    }
}
