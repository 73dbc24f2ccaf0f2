//! The sign-in pages: plain forms without scripts.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use url::{Host, Url};

use super::authorization_code::AuthorizationCode;
use super::device_sign_in::DeviceDecision;
use super::form::Form;
use super::state::evict_one;
use crate::graph::{Graph, State};
use crate::response::empty_response;
use crate::store::User;

impl Graph {
    /// The page on which a user is picked for an application.
    /// Source: "Microsoft identity platform and OAuth 2.0 authorization code flow".
    pub fn user_picker(&self, query: &Form) -> Response<Body> {
        let back = match self.check_authorization(query) {
            Ok(back) => back,
            Err(problem) => return page(400, "Sign in", &format!("<p>{}</p>", escape(&problem))),
        };
        if query.get("prompt").is_some_and(|prompt| prompt == "none") {
            return redirect(
                back,
                query,
                &[("error", "login_required"), ("error_description", "AADSTS50058: No user is signed in.")],
            );
        }
        let fields = hidden(query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let users = self.state().store.users().unwrap_or_default();
        let request = |name: &str| escape(query.get(name).map(String::as_str).unwrap_or_default());
        let (app, scope) = (request("client_id"), request("scope"));
        let asks = format!("<p>The application {app} asks for: {scope}</p>");
        page(200, "Pick an account", &format!("{asks}<form method=\"post\">\n{fields}{}</form>", picker(&users)))
    }

    /// Handles the choice on that page.
    pub fn user_picked(&self, sent: &Form) -> Response<Body> {
        let back = match self.check_authorization(sent) {
            Ok(back) => back,
            Err(problem) => return page(400, "Sign in", &format!("<p>{}</p>", escape(&problem))),
        };
        let mut state = self.state();
        let State { identity, store, clock, .. } = &mut *state;
        let user = sent.get("user").and_then(|user| store.user(user).ok().flatten());
        let Some(user) = user else {
            return redirect(
                back,
                sent,
                &[("error", "access_denied"), ("error_description", "AADSTS65004: The user declined.")],
            );
        };
        let text = |name: &str| sent.get(name).cloned().unwrap_or_default();
        let code = uuid::Uuid::new_v4().to_string();
        let made = AuthorizationCode {
            app: text("client_id"),
            user: user.id,
            scope: text("scope"),
            redirect: text("redirect_uri"),
            challenge: text("code_challenge"),
            nonce: sent.get("nonce").cloned(),
            issued: clock.now().as_second(),
        };
        evict_one(&mut identity.codes);
        identity.codes.insert(code.clone(), made);
        redirect(back, sent, &[("code", &code)])
    }

    /// The redirect address of a valid request.
    fn check_authorization(&self, sent: &Form) -> Result<Url, String> {
        let text = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
        if self.state().identity.applications.find(text("client_id")).is_none() {
            return Err(format!("AADSTS700016: Application with identifier '{}' was not found.", text("client_id")));
        }
        let back = Url::parse(text("redirect_uri")).ok().filter(|back| {
            let here = match back.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                _ => false,
            };
            here && back.scheme() == "http"
        });
        let back = back.ok_or("AADSTS50011: The redirect URI must be http on this machine.")?;
        if text("response_type") != "code" {
            return Err("AADSTS700051: The response_type must be 'code'.".into());
        }
        if text("code_challenge_method") != "S256" || text("code_challenge").is_empty() {
            return Err("AADSTS9002325: Proof Key for Code Exchange is required (S256).".into());
        }
        Ok(back)
    }

    /// The page on which the code of a device is typed in.
    pub fn device_code_page(&self) -> Response<Body> {
        let users = self.state().store.users().unwrap_or_default();
        let code = "<p><label>Code <input name=\"code\" autofocus></label></p>";
        page(200, "Enter the code", &format!("<form method=\"post\">\n{code}\n{}</form>", picker(&users)))
    }

    /// Handles the code from that page.
    pub fn device_code_entered(&self, sent: &Form) -> Response<Body> {
        let mut state = self.state();
        let State { identity, store, .. } = &mut *state;
        let user = sent.get("user").and_then(|user| store.user(user).ok().flatten());
        let declined = user.is_none();
        let decided = user.map_or(DeviceDecision::Declined, |user| DeviceDecision::Approved(user.id));
        let known = identity.decide(sent.get("code").map(String::as_str).unwrap_or_default(), decided);
        match (known, declined) {
            (false, _) => page(400, "Enter the code", "<p>That code didn't work. Check the code and try again.</p>"),
            (true, true) => page(200, "Declined", "<p>You have declined the sign-in. You can close this page.</p>"),
            (true, false) => page(200, "Signed in", "<p>You have signed in. You can close this page.</p>"),
        }
    }
}

/// Hidden fields.
fn hidden<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let field =
        |(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escape(name), escape(value));
    fields.map(field).collect::<Vec<_>>().concat()
}

/// A button for each user, and one to cancel.
fn picker(users: &[User]) -> String {
    let button = |user: &User| {
        let (upn, name) = (escape(&user.upn), escape(&user.name));
        format!("<p><button name=\"user\" value=\"{upn}\">{name} ({upn})</button></p>\n")
    };
    let buttons = users.iter().take(100).map(button).collect::<Vec<_>>().concat();
    buttons + "<p><button name=\"user\" value=\"\">Cancel</button></p>\n"
}

/// Sends the browser back, with a redirect or with a form.
fn redirect(mut back: Url, sent: &Form, brings: &[(&str, &str)]) -> Response<Body> {
    let state = sent.get("state").map(|state| ("state", state.as_str()));
    let brings: Vec<_> = brings.iter().copied().chain(state).collect();
    if sent.get("response_mode").is_some_and(|mode| mode == "form_post") {
        let fields = hidden(brings.into_iter());
        let form = format!(
            "<form method=\"post\" action=\"{}\">{fields}<button>Continue</button></form>",
            escape(back.as_str())
        );
        return page(200, "Continue", &form);
    }
    back.query_pairs_mut().extend_pairs(brings);
    let mut answer = empty_response(302);
    if let Ok(location) = HeaderValue::from_str(back.as_str()) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

const STYLE: &str = "body { font: 1rem system-ui; max-width: 36rem; margin: 3rem auto; padding: 0 1rem } \
                     button { font: inherit; width: 100%; padding: .5rem; text-align: left }";

fn page(status: u16, title: &str, inside: &str) -> Response<Body> {
    let mut answer = empty_response(status);
    *answer.body_mut() = Body::from(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - local Graph</title>\
         <style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n<p>This is a local Graph for tests, not the service. No password is needed.</p>\n\
         {inside}</body></html>\n"
    ));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // Framed by another page, it could be used for clickjacking.
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    answer
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
