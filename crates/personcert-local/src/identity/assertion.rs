//! Client assertions: signed statements that authenticate applications.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey};
use serde_json::Value;
use x509_parser::parse_x509_certificate;

use super::applications::Application;
use super::keys::Keys;
use super::token_error::TokenError;

/// The audience that another issuer's token must have.
pub const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";
/// The longest lifetime of an assertion, in seconds.
const MAX_LIFETIME: i64 = 24 * 3600;

/// Verifies an assertion for a token endpoint. Returns the id that must not be used again: that of an assertion that the
/// application signed; none for another issuer's token.
/// Source: "Microsoft identity platform application authentication certificate credentials".
pub fn verify(
    text: &str,
    app: &Application,
    endpoint: &str,
    keys: &Keys,
    now: i64,
) -> Result<Option<String>, TokenError> {
    let invalid = |problem: &str| {
        TokenError::new("invalid_client", 700_027, format!("The client assertion is not valid: {problem}."))
    };
    if let Some((claims, true)) = keys.claims(text) {
        if claims["aud"] != EXCHANGE_AUDIENCE {
            return Err(TokenError::new(
                "invalid_client",
                700_212,
                "No matching federated identity record found for presented assertion audience.",
            ));
        }
        return check_time(&claims, now).map(|()| None).map_err(invalid);
    }
    let mut parts = text.split('.');
    let (Some(head), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid("it does not have three parts"));
    };
    let signed = format!("{head}.{claims}");
    let decoded = |text: &str| -> Option<Value> { serde_json::from_slice(&BASE64.decode(text).ok()?).ok() };
    let (head, claims) = decoded(head).zip(decoded(claims)).ok_or_else(|| invalid("it is not a JSON web token"))?;
    let signature =
        BASE64.decode(signature.trim_end_matches('=')).map_err(|_| invalid("its signature is malformed"))?;
    let certificate = app.certificate().ok_or_else(|| invalid("the application has no certificate"))?;
    let thumbprints = [
        ("x5t#S256", BASE64.encode(digest(&SHA256, &certificate))),
        ("x5t", BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate))),
    ];
    // Some clients add padding, and the service accepts it.
    let unpadded = |text: &Value| text.as_str().map(|text| text.trim_end_matches('=').to_owned());
    if !thumbprints.iter().any(|(name, thumbprint)| unpadded(&head[*name]).as_ref() == Some(thumbprint)) {
        return Err(invalid("the key was not found by its thumbprint"));
    }
    let algorithm: &'static RsaParameters = match head["alg"].as_str() {
        Some("PS256") => &RSA_PSS_2048_8192_SHA256,
        Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(invalid("its algorithm is neither PS256 nor RS256")),
    };
    let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| invalid("the certificate is malformed"))?;
    let key = UnparsedPublicKey::new(algorithm, &*parsed.public_key().subject_public_key.data);
    key.verify(signed.as_bytes(), &signature).map_err(|_| invalid("its signature is wrong"))?;
    if claims["iss"] != *app.client_id || claims["sub"] != *app.client_id {
        return Err(invalid("issuer and subject are not the application"));
    }
    if claims["aud"] != endpoint {
        return Err(invalid("it is for another audience"));
    }
    check_time(&claims, now).map_err(invalid)?;
    claims["jti"].as_str().map(|id| Some(id.to_owned())).ok_or_else(|| invalid("it has no jti"))
}

fn check_time(claims: &Value, now: i64) -> Result<(), &'static str> {
    // Some clients send fractions of a second.
    let moment = |name: &str| {
        let length = std::time::Duration::try_from_secs_f64(claims[name].as_f64()?).ok()?;
        i64::try_from(length.as_secs()).ok()
    };
    match (moment("nbf").or_else(|| moment("iat")), moment("exp")) {
        (_, None) => Err("it has no exp"),
        (_, Some(end)) if end <= now => Err("it is expired"),
        (_, Some(end)) if end > now + MAX_LIFETIME => Err("its lifetime is too long"),
        (Some(start), _) if start > now + 300 => Err("it is not valid yet"),
        _ => Ok(()),
    }
}
