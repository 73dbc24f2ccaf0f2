//! Sign-in with a code that the user enters in a browser on any device: for machines without a browser.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::TokenRequest;
use super::authority::{Grant, auth_error};
use super::interaction::Interaction;
use crate::Result;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The polling interval when the platform names none, and how much it grows when the platform asks to slow down
/// (RFC 8628, 3.2 and 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The shortest polling interval.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time to wait for the user, whatever the platform allows.
const MAX_CODE_LIFETIME: Duration = Duration::from_mins(15);
/// The error when the code expires.
const EXPIRED: &str = "the code was not entered in time; sign in again";

/// Shows the user a code and waits until it was entered.
/// Source: "Microsoft identity platform and the OAuth 2.0 device authorization grant flow".
pub(super) async fn sign_in(interaction: &Interaction<'_>) -> Result<Grant> {
    let Interaction { authority, client_id, request, scope, prompt } = *interaction;
    let started = Instant::now();
    let response = authority.post_form("devicecode", &vec![("client_id", client_id), ("scope", scope)]).await?;
    let text = |name: &str| response.get(name).and_then(Value::as_str);
    let (Some(device_code), Some(code), Some(address)) =
        (text("device_code"), text("user_code"), text("verification_uri"))
    else {
        return Err(auth_error("the identity platform sent no code; check the authority"));
    };
    let message = format!("To sign in, open {address} in a browser and enter the code {code}.");
    prompt.show(message, address, Some(code));
    let lifetime = seconds(&response, "expires_in").unwrap_or(MAX_CODE_LIFETIME).min(MAX_CODE_LIFETIME);
    let mut interval = seconds(&response, "interval").unwrap_or(SLOW_DOWN).max(MIN_INTERVAL);
    loop {
        if started.elapsed().saturating_add(interval) > lifetime {
            return Err(auth_error(EXPIRED));
        }
        tokio::time::sleep(interval).await;
        let form = vec![("client_id", client_id), ("grant_type", GRANT_TYPE), ("device_code", device_code)];
        let now = request.now.checked_add(started.elapsed()).unwrap_or(request.now);
        let error = match authority.grant(&TokenRequest { now, ..request.clone() }, form).await {
            Ok(grant) => return Ok(grant),
            Err(error) => error,
        };
        match error.details.code.as_deref() {
            Some("authorization_pending") => {}
            Some("slow_down") => interval = interval.saturating_add(SLOW_DOWN),
            Some("authorization_declined" | "access_denied") => {
                return Err(auth_error("the sign-in was declined in the browser"));
            }
            Some("expired_token") => return Err(auth_error(EXPIRED)),
            _ => return Err(error),
        }
    }
}

fn seconds(response: &Map<String, Value>, name: &str) -> Option<Duration> {
    response.get(name).and_then(Value::as_u64).map(Duration::from_secs)
}
