//! The device code endpoint, and the decisions on device sign-ins.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::device_sign_in::{DeviceDecision, DeviceSignIn, LIFETIME, POLL_INTERVAL};
use super::form::Form;
use super::state::{Identity, evict_one};
use super::token_error::{TokenError, json_response};
use crate::graph::{Graph, State};
use crate::response::RequestIds;

impl Identity {
    /// Decides on the device sign-in with this code. False when the code is unknown.
    pub fn decide(&mut self, user_code: &str, decision: DeviceDecision) -> bool {
        let matches = |device: &&mut DeviceSignIn| device.user_code.eq_ignore_ascii_case(user_code.trim());
        let Some(device) = self.devices.values_mut().find(matches) else { return false };
        device.decision = decision;
        true
    }

    /// Polls a device sign-in: the scope and the user, once the user approved. It ends with that.
    pub fn poll_device(&mut self, code: &str, app: &str, now: i64) -> Result<(String, String), TokenError> {
        let device = self.devices.get_mut(code).filter(|device| device.app == app);
        let device = device.ok_or_else(|| TokenError::new("invalid_grant", 70_000, "The device code is not valid."))?;
        let user = device.poll(now)?;
        let scope = std::mem::take(&mut device.scope);
        self.devices.remove(code);
        Ok((scope, user))
    }

    /// The application and the scope of a request for a device code.
    fn device_request(&self, form: &Form) -> Result<(String, String), TokenError> {
        let app = form.get("client_id").ok_or_else(|| TokenError::missing("client_id"))?;
        let app = self.applications.find(app).ok_or_else(|| TokenError::unknown_application(app))?;
        if !app.public {
            return Err(TokenError::missing_client_credential());
        }
        let scope = form.get("scope").ok_or_else(|| TokenError::missing("scope"))?;
        Ok((app.client_id.clone(), scope.clone()))
    }
}

impl Graph {
    /// Starts a device sign-in.
    pub fn device_code(&self, tenant: &str, base: &str, form: &Form, ids: &RequestIds) -> Response<Body> {
        let mut state = self.state();
        let State { identity, clock, .. } = &mut *state;
        let (app, scope) = match identity.device_request(form) {
            Ok(request) => request,
            Err(error) => return error.response(ids),
        };
        let code = uuid::Uuid::new_v4().to_string();
        let user_code = uuid::Uuid::new_v4().simple().to_string()[..9].to_ascii_uppercase();
        let device = DeviceSignIn {
            app,
            scope,
            user_code: user_code.clone(),
            decision: identity.device_decision.clone(),
            requested: clock.now().as_second(),
            polled: None,
        };
        evict_one(&mut identity.devices);
        identity.devices.insert(code.clone(), device);
        let page = format!("{base}/{tenant}/devicelogin");
        let message = format!(
            "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
        );
        json_response(
            200,
            &json!({
                "device_code": code, "user_code": user_code, "verification_uri": page, "expires_in": LIFETIME,
                "interval": POLL_INTERVAL, "message": message,
            }),
        )
    }
}
