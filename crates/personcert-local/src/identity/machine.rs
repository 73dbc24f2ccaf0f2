//! What machines are told about themselves: virtual machines, app services, and jobs of GitHub Actions.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::denial::answer;
use super::{Form, Issue};
use crate::graph::{Graph, State};
use crate::work::Asked;

/// The machine's identity, when none is named.
const MACHINE: &str = "33333333-4444-5555-6666-777777777777";
/// What an app service has in `IDENTITY_HEADER`.
const HEADER: &str = "local-identity-header";
/// What a job of GitHub Actions has in `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
const GITHUB: &str = "Bearer local-github-token";

impl Graph {
    /// A virtual machine's own address for tokens.
    /// Source: "How to use managed identities for Azure resources on an Azure VM to acquire an access token".
    pub fn machine(&self, asked: &Asked, query: &Form) -> Response<Body> {
        if header(asked, "metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
            let text = "Required metadata header not specified";
            return answer(400, &json!({"error": "invalid_request", "error_description": text}));
        }
        self.machine_token(query)
    }

    /// An app service's own address for tokens.
    pub fn app_service(&self, asked: &Asked, query: &Form) -> Response<Body> {
        if header(asked, "x-identity-header") != Some(HEADER) {
            return answer(401, &json!({"statusCode": 401, "message": "Unauthorized"}));
        }
        self.machine_token(query)
    }

    fn machine_token(&self, query: &Form) -> Response<Body> {
        let Some(resource) = query.get("resource").filter(|_| query.contains_key("api-version")) else {
            let text = "Required query variable 'resource' or 'api-version' is missing";
            return answer(400, &json!({"error": "invalid_request", "error_description": text}));
        };
        let app = query.get("client_id").map_or(MACHINE, String::as_str);
        let mut state = self.state();
        let State { identity, clock, .. } = &mut *state;
        let now = clock.now().as_second();
        let scopes = ["User.ReadWrite.All".to_owned()];
        let token = identity.issue(&self.keys, &Issue { app, scopes: &scopes, now, ..Issue::default() });
        identity.note(json!({"grant": "managed_identity", "clientId": app, "at": now, "ok": true, "user": null}));
        // Its numbers are texts.
        answer(
            200,
            &json!({
                "access_token": token, "client_id": app, "token_type": "Bearer", "resource": resource,
                "expires_in": identity.lifetime.to_string(), "expires_on": (now + identity.lifetime).to_string(),
                "not_before": now.to_string(), "ext_expires_in": identity.lifetime.to_string(),
            }),
        )
    }

    /// Where a job of GitHub Actions gets its token.
    /// Source: GitHub's "OpenID Connect reference".
    pub fn github(&self, asked: &Asked, query: &Form) -> Response<Body> {
        if header(asked, "authorization").is_none_or(|value| !value.eq_ignore_ascii_case(GITHUB)) {
            return answer(401, &json!({"message": "Unauthorized"}));
        }
        let audience = query.get("audience").map_or("https://github.com/contoso", String::as_str);
        answer(200, &json!({"value": self.federated(audience)}))
    }

    /// The token of another issuer.
    pub fn federated(&self, audience: &str) -> String {
        let now = self.state().clock.now().as_second();
        self.keys.sign(&json!({
            "iss": "https://token.actions.githubusercontent.com", "sub": "repo:contoso/profiles:ref:refs/heads/main",
            "aud": audience, "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "nbf": now, "exp": now + 300,
        }))
    }
}

fn header<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.headers.get(name).and_then(|value| value.to_str().ok())
}
