//! Signing in with a code that is typed into a browser on any device.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::TokenRequest;
use super::authority::{Grant, failure};
use super::session::Asked;
use crate::Result;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What the interval grows by when the platform asks to slow down (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// No code is waited for any longer.
const LONGEST: Duration = Duration::from_mins(15);

/// Shows the person a code and waits until it was used.
/// Source: "Microsoft identity platform and the OAuth 2.0 device authorization grant flow".
pub(super) async fn sign_in(asked: &Asked<'_>) -> Result<Grant> {
    let Asked { authority, client, request, scope, show } = *asked;
    let began = Instant::now();
    let started = authority.ask("devicecode", &vec![("client_id", client), ("scope", scope)]).await?;
    let text = |name: &str| started.get(name).and_then(Value::as_str);
    let seconds = |name: &str| started.get(name).and_then(Value::as_u64).map(Duration::from_secs);
    let (Some(device), Some(code), Some(address)) = (text("device_code"), text("user_code"), text("verification_uri"))
    else {
        return Err(failure("the identity platform gave no code; check the authority"));
    };
    let message = format!("To sign in, open {address} in a browser and enter the code {code}.");
    show.tell(message, address, Some(code));
    let life = seconds("expires_in").unwrap_or(LONGEST).min(LONGEST);
    let mut interval = seconds("interval").unwrap_or(SLOWER);
    loop {
        if began.elapsed() + interval > life {
            return Err(failure("nobody entered the code in time; sign in again"));
        }
        tokio::time::sleep(interval).await;
        let form = vec![("client_id", client), ("grant_type", GRANT), ("device_code", device)];
        let request = TokenRequest { now: request.now + began.elapsed(), ..request.clone() };
        let error = match authority.grant(&request, form).await {
            Ok(grant) => return Ok(grant),
            Err(error) => error,
        };
        match error.details.code.as_deref() {
            Some("authorization_pending") => {}
            Some("slow_down") => interval += SLOWER,
            Some("authorization_declined" | "access_denied") => {
                return Err(failure("the sign-in was declined in the browser"));
            }
            Some("expired_token") => return Err(failure("nobody entered the code in time; sign in again")),
            _ => return Err(error),
        }
    }
}
