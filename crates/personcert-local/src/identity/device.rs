//! Sign-in with a code that is typed into a browser elsewhere.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::denial::{Denial, answer};
use super::people::make_room;
use super::{Form, Identity};
use crate::graph::{Graph, State};
use crate::reply::Ids;

/// How long a code serves, in seconds.
const LIFE: i64 = 900;
/// How long a client has to wait between two questions, in seconds. The service's is 5; a test needn't wait for that.
const INTERVAL: u64 = 1;

/// What became of a sign-in with a code.
#[derive(Clone, Debug)]
pub enum Decided {
    /// Nobody has typed the code in yet.
    Pending,
    /// This user was picked.
    Picked(String),
    /// It was declined.
    Declined,
}

/// A sign-in that waits for its code to be typed in.
#[derive(Debug)]
pub struct Device {
    /// The application that asked.
    pub app: String,
    /// What was asked for.
    pub scope: String,
    /// The code that is typed in.
    user_code: String,
    decided: Decided,
    at: i64,
    asked: Option<Instant>,
}

impl Identity {
    /// Says what becomes of the sign-in with a code. False when there is no such code.
    pub fn decide(&mut self, user_code: &str, decided: Decided) -> bool {
        let fits = |device: &&mut Device| device.user_code.eq_ignore_ascii_case(user_code.trim());
        let Some(device) = self.devices.values_mut().find(fits) else { return false };
        device.decided = decided;
        true
    }

    /// Says what becomes of every sign-in with a code from now on.
    pub fn decide_all(&mut self, decided: Decided) {
        self.decided = decided;
    }

    /// The sign-in that a device asks about, with the user, when somebody was picked. It ends with that.
    pub fn take_device(&mut self, code: &str, app: &str, now: i64) -> Result<(Device, String), Denial> {
        let device = self.devices.get_mut(code).filter(|device| device.app == app);
        let wrong = || Denial::new("invalid_grant", 70_000, "The device code is not valid.");
        let device = device.ok_or_else(wrong)?;
        if now > device.at + LIFE {
            return Err(Denial::new("expired_token", 70_020, "The provided device code has expired."));
        }
        let before = device.asked.replace(Instant::now());
        // Half a second is forgiven: the network may have been slower the time before.
        let least = Duration::from_secs(INTERVAL) / 2;
        if before.is_some_and(|before| before.elapsed() < least) {
            return Err(Denial::new("slow_down", 70_022, "The client polls too often."));
        }
        match &device.decided {
            Decided::Pending => {
                let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(Denial::new("authorization_pending", 70_016, text))
            }
            Decided::Declined => Err(Denial::new("authorization_declined", 70_019, "The user declined the sign-in.")),
            Decided::Picked(user) => {
                let user = user.clone();
                self.devices.remove(code).map(|device| (device, user)).ok_or_else(wrong)
            }
        }
    }
}

impl Graph {
    /// Begins a sign-in with a code.
    pub fn device_code(&self, tenant: &str, base: &str, form: &Form, ids: &Ids) -> Response<Body> {
        let mut state = self.state();
        let State { identity, clock, .. } = &mut *state;
        let begun = (|| {
            let app = form.get("client_id").ok_or_else(|| Denial::missing("client_id"))?;
            let unknown = || Denial::unknown_app(app);
            let app = identity.apps.find(app).ok_or_else(unknown)?;
            if !app.public {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(Denial::new("invalid_client", 7_000_218, text));
            }
            let scope = form.get("scope").ok_or_else(|| Denial::missing("scope"))?.clone();
            Ok((app.client_id.clone(), scope))
        })();
        let (app, scope) = match begun {
            Ok(begun) => begun,
            Err(denial) => return denial.answer(ids),
        };
        let code = uuid::Uuid::new_v4().to_string();
        let user_code = uuid::Uuid::new_v4().simple().to_string()[..9].to_ascii_uppercase();
        let at = clock.now().as_second();
        make_room(&mut identity.devices);
        let device =
            Device { app, scope, user_code: user_code.clone(), decided: identity.decided.clone(), at, asked: None };
        identity.devices.insert(code.clone(), device);
        let page = format!("{base}/{tenant}/devicelogin");
        answer(
            200,
            &json!({
                "device_code": code, "user_code": user_code, "verification_uri": page, "expires_in": LIFE,
                "interval": INTERVAL,
                "message": format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."),
            }),
        )
    }
}
