//! What clients look up before they ask for a token.

use serde_json::{Value, json};

use super::TENANT;

/// A tenant's `OpenID` configuration. The issuer names the tenant by its id, whatever name was asked for.
pub fn document(base: &str, tenant: &str) -> Value {
    let at = |name: &str| format!("{base}/{tenant}/oauth2/v2.0/{name}");
    json!({
        "issuer": format!("{base}/{TENANT}/v2.0"),
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "device_authorization_endpoint": at("devicecode"),
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

/// Which hosts belong together: this one alone.
pub fn instance(base: &str) -> Value {
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    json!({
        "tenant_discovery_endpoint": format!("{base}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}
