//! Discovery documents.

use serde_json::{Value, json};

use super::state::TENANT;

/// A tenant's `OpenID` configuration. The issuer contains the tenant's id, whatever name was requested.
pub fn configuration(base: &str, tenant: &str) -> Value {
    let endpoint = |name: &str| format!("{base}/{tenant}/oauth2/v2.0/{name}");
    json!({
        "issuer": issuer(base),
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "device_authorization_endpoint": endpoint("devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "claims_parameter_supported": true,
    })
}

/// The issuer of id tokens.
pub fn issuer(base: &str) -> String {
    format!("{base}/{TENANT}/v2.0")
}

/// The hosts that belong to the same cloud: this one.
pub fn instance(base: &str) -> Value {
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    json!({
        "tenant_discovery_endpoint": format!("{base}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}
