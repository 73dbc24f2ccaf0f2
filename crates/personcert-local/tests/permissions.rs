//! Which token may read and change whose certifications.

#![allow(missing_docs, dead_code)]

mod support;

use personcert_local::{LocalGraph, Options, Permissions};
use serde_json::json;
use support::{command, send_as};

const OWN: [&str; 3] = ["me", "users/db789417-4ccb-41d1-a0a9-47b01a09ea49", "users/INNOCENTY.POPOV@contoso.com"];
const FOREIGN: &str = "users/adele_adatum.com%23EXT%23@contoso.com";

/// Whether such a token may read, and whether it may create, on the profile with this address.
fn may(graph: &LocalGraph, kind: &str, scope: &str, profile: &str) -> (bool, bool) {
    let token = command(graph, "token", json!({"kind": kind, "scopes": [scope]}));
    let path = format!("/beta/{profile}/profile/certifications");
    let ask = |method: &str, body: &str| {
        let seen = send_as(graph, token.as_str().unwrap(), method, &path, body);
        assert!([200, 201, 403].contains(&seen.status()), "{kind} {scope} {method} {path}: {}", seen.text());
        seen.status() != 403
    };
    (ask("GET", ""), ask("POST", r#"{"displayName":"x"}"#))
}

fn graph(permissions: Permissions) -> LocalGraph {
    LocalGraph::start(Options { permissions, ..Options::default() }).unwrap()
}

#[test]
fn only_a_scope_for_all_names_other_users() {
    for permissions in [Permissions::Spec, Permissions::Current] {
        let graph = graph(permissions);
        for (scope, own, foreign) in [
            ("User.Read", (true, false), (false, false)),
            ("User.ReadBasic.All", (true, false), (true, false)),
            ("User.Read.All", (true, false), (true, false)),
            ("User.ReadWrite", (true, true), (false, false)),
            ("User.ReadWrite.All", (true, true), (true, true)),
            ("Mail.ReadWrite", (false, false), (false, false)),
        ] {
            for profile in OWN {
                assert_eq!(may(&graph, "work", scope, profile), own, "{permissions:?} {scope} {profile}");
            }
            assert_eq!(may(&graph, "work", scope, FOREIGN), foreign, "{permissions:?} {scope}");
        }
    }
}

#[test]
fn a_personal_account_reaches_its_own_profile_alone() {
    for (permissions, all) in [(Permissions::Spec, (true, true)), (Permissions::Current, (false, false))] {
        let graph = graph(permissions);
        for (scope, own) in
            [("User.Read", (true, false)), ("User.ReadWrite", (true, true)), ("User.ReadWrite.All", all)]
        {
            for profile in OWN {
                assert_eq!(may(&graph, "personal", scope, profile), own, "{permissions:?} {scope} {profile}");
            }
            assert_eq!(may(&graph, "personal", scope, FOREIGN), (false, false), "{permissions:?} {scope}");
        }
    }
}

#[test]
fn the_current_table_knows_the_scopes_of_agents_and_no_applications() {
    let current = graph(Permissions::Current);
    let spec = graph(Permissions::Spec);
    for (scope, foreign) in
        [("AgentIdUser.ReadWrite.All", (true, true)), ("AgentIdUser.ReadWrite.IdentityParentedBy", (false, false))]
    {
        for profile in OWN {
            assert_eq!(may(&current, "work", scope, profile), (true, true), "{scope} {profile}");
            assert_eq!(may(&spec, "work", scope, profile), (false, false), "{scope} {profile}");
        }
        assert_eq!(may(&current, "work", scope, FOREIGN), foreign, "{scope}");
        assert_eq!(may(&current, "personal", scope, OWN[0]), (false, false), "{scope}");
    }
    assert_eq!(may(&current, "app", "User.ReadWrite.All", OWN[1]), (false, false));
    assert_eq!(may(&spec, "app", "User.ReadWrite.All", OWN[1]), (true, true));
}
