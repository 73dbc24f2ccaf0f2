//! Token endpoints of machines: virtual machines, app services, and jobs of GitHub Actions.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::form::Form;
use super::state::TokenParameters;
use super::token_error::json_response;
use crate::graph::{Graph, State};
use crate::request::ApiRequest;

/// The identity when the request names none.
const DEFAULT_IDENTITY: &str = "33333333-4444-5555-6666-777777777777";
/// The `IDENTITY_HEADER` of an app service.
const IDENTITY_HEADER: &str = "local-identity-header";
/// The `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of a job.
const GITHUB_AUTHORIZATION: &str = "Bearer local-github-token";

impl Graph {
    /// The token endpoint of a virtual machine.
    /// Source: "How to use managed identities for Azure resources on an Azure VM to acquire an access token".
    pub fn virtual_machine_token(&self, request: &ApiRequest, query: &Form) -> Response<Body> {
        if header(request, "metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
            let text = "Required metadata header not specified";
            return json_response(400, &json!({"error": "invalid_request", "error_description": text}));
        }
        self.managed_identity_token(query)
    }

    /// The token endpoint of an app service.
    pub fn app_service_token(&self, request: &ApiRequest, query: &Form) -> Response<Body> {
        if header(request, "x-identity-header") != Some(IDENTITY_HEADER) {
            return json_response(401, &json!({"statusCode": 401, "message": "Unauthorized"}));
        }
        self.managed_identity_token(query)
    }

    fn managed_identity_token(&self, query: &Form) -> Response<Body> {
        let Some(resource) = query.get("resource").filter(|_| query.contains_key("api-version")) else {
            let text = "Required query variable 'resource' or 'api-version' is missing";
            return json_response(400, &json!({"error": "invalid_request", "error_description": text}));
        };
        let app = query.get("client_id").map_or(DEFAULT_IDENTITY, String::as_str);
        let mut state = self.state();
        let State { identity, clock, .. } = &mut *state;
        let now = clock.now().as_second();
        let scopes = ["User.ReadWrite.All".to_owned()];
        let token =
            identity.issue(&self.keys, &TokenParameters { app, scopes: &scopes, now, ..TokenParameters::default() });
        identity.log(json!({"grant": "managed_identity", "clientId": app, "at": now, "ok": true, "user": null}));
        // This endpoint writes numbers as strings.
        json_response(
            200,
            &json!({
                "access_token": token, "client_id": app, "token_type": "Bearer", "resource": resource,
                "expires_in": identity.lifetime.to_string(), "expires_on": (now + identity.lifetime).to_string(),
                "not_before": now.to_string(), "ext_expires_in": identity.lifetime.to_string(),
            }),
        )
    }

    /// The token endpoint of a job of GitHub Actions.
    /// Source: GitHub's "OpenID Connect reference".
    pub fn github_token(&self, request: &ApiRequest, query: &Form) -> Response<Body> {
        if header(request, "authorization").is_none_or(|value| !value.eq_ignore_ascii_case(GITHUB_AUTHORIZATION)) {
            return json_response(401, &json!({"message": "Unauthorized"}));
        }
        let audience = query.get("audience").map_or("https://github.com/contoso", String::as_str);
        json_response(200, &json!({"value": self.federated(audience)}))
    }

    /// A token of another issuer.
    pub fn federated(&self, audience: &str) -> String {
        let now = self.state().clock.now().as_second();
        self.keys.sign(&json!({
            "iss": "https://token.actions.githubusercontent.com", "sub": "repo:contoso/profiles:ref:refs/heads/main",
            "aud": audience, "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "nbf": now, "exp": now + 300,
        }))
    }
}

fn header<'a>(request: &'a ApiRequest, name: &str) -> Option<&'a str> {
    request.headers.get(name).and_then(|value| value.to_str().ok())
}
