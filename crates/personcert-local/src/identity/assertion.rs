//! Signed statements by which applications show who they are.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey};
use serde_json::Value;
use x509_parser::parse_x509_certificate;

use super::apps::App;
use super::denial::Denial;
use super::keys::Keys;

/// Whom another issuer's token has to be for.
pub const EXCHANGE: &str = "api://AzureADTokenExchange";
/// The longest that an assertion may serve, in seconds.
const LONGEST: i64 = 24 * 3600;

/// Checks an assertion for the endpoint at `endpoint`, and gives what must not come twice: the id of one that the
/// application signed, nothing for another issuer's token.
/// Source: "Microsoft identity platform application authentication certificate credentials".
pub fn check(text: &str, app: &App, endpoint: &str, keys: &Keys, now: i64) -> Result<Option<String>, Denial> {
    let broken =
        |why: &str| Denial::new("invalid_client", 700_027, format!("The client assertion is not valid: {why}."));
    if let Some((claims, true)) = keys.claims(text) {
        if claims["aud"] != EXCHANGE {
            return Err(Denial::new(
                "invalid_client",
                700_212,
                "No matching federated identity record found for presented assertion audience.",
            ));
        }
        return in_time(&claims, now).map(|()| None).map_err(broken);
    }
    let mut parts = text.split('.');
    let (Some(head), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(broken("it has not three parts"));
    };
    let signed = format!("{head}.{claims}");
    let decoded = |text: &str| -> Option<Value> { serde_json::from_slice(&BASE64.decode(text).ok()?).ok() };
    let (head, claims) = decoded(head).zip(decoded(claims)).ok_or_else(|| broken("it is no JSON web token"))?;
    let signature =
        BASE64.decode(signature.trim_end_matches('=')).map_err(|_| broken("its signature can't be read"))?;
    let certificate = app.certificate().ok_or_else(|| broken("the application has no certificate"))?;
    let thumbprints = [
        ("x5t#S256", BASE64.encode(digest(&SHA256, &certificate))),
        ("x5t", BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate))),
    ];
    // Some clients pad what should have no padding, and the service doesn't mind.
    let unpadded = |text: &Value| text.as_str().map(|text| text.trim_end_matches('=').to_owned());
    if !thumbprints.iter().any(|(name, thumbprint)| unpadded(&head[*name]).as_ref() == Some(thumbprint)) {
        return Err(broken("the key was not found by its thumbprint"));
    }
    let algorithm: &'static RsaParameters = match head["alg"].as_str() {
        Some("PS256") => &RSA_PSS_2048_8192_SHA256,
        Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(broken("its algorithm is neither PS256 nor RS256")),
    };
    let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| broken("the certificate can't be read"))?;
    let key = UnparsedPublicKey::new(algorithm, &*parsed.public_key().subject_public_key.data);
    key.verify(signed.as_bytes(), &signature).map_err(|_| broken("its signature is wrong"))?;
    if claims["iss"] != *app.client_id || claims["sub"] != *app.client_id {
        return Err(broken("issuer and subject are not the application"));
    }
    if claims["aud"] != endpoint {
        return Err(broken("it is for another audience"));
    }
    in_time(&claims, now).map_err(broken)?;
    claims["jti"].as_str().map(|id| Some(id.to_owned())).ok_or_else(|| broken("it has no jti"))
}

fn in_time(claims: &Value, now: i64) -> Result<(), &'static str> {
    // Some clients write fractions of a second.
    let moment = |name: &str| {
        let length = std::time::Duration::try_from_secs_f64(claims[name].as_f64()?).ok()?;
        i64::try_from(length.as_secs()).ok()
    };
    match (moment("nbf").or_else(|| moment("iat")), moment("exp")) {
        (_, None) => Err("it doesn't say when it ends"),
        (_, Some(end)) if end <= now => Err("it is expired"),
        (_, Some(end)) if end > now + LONGEST => Err("it lives too long"),
        (Some(start), _) if start > now + 300 => Err("it is not valid yet"),
        _ => Ok(()),
    }
}
