//! Which requests are answered at all: none that a foreign web page could have sent.
//!
//! A page in a browser on this machine can send requests to loopback addresses. It can't choose the headers `Host`,
//! `Origin` and `Sec-Fetch-*`, which therefore tell its requests apart, also under a name that resolves to this machine.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, Method, header};

use crate::path::is_sign_in_page;
use crate::response::ErrorResponse;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The names under which this server answers.
#[derive(Debug)]
pub struct OwnHosts {
    /// The address and port that it listens on.
    pub address: std::net::SocketAddr,
    /// Whether other machines may reach it.
    pub exposed: bool,
}

impl OwnHosts {
    /// The host that a request names, when it is this server and no foreign page sent the request.
    pub fn check(&self, head: &Parts, secure: bool) -> Result<String, ErrorResponse> {
        let named = match head.headers.get(header::HOST) {
            Some(host) => host.to_str().ok(),
            // HTTP/2 carries it in the address.
            None => head.uri.authority().map(Authority::as_str),
        };
        let host = named.filter(|host| self.contains(host, secure)).ok_or_else(|| {
            ErrorResponse::new(421, "MisdirectedRequest", "The local Graph answers under its own address only.")
        })?;
        if is_foreign(head, host) {
            return Err(ErrorResponse::new(
                403,
                "AccessDenied",
                "The local Graph answers no web page of another site.",
            ));
        }
        Ok(host.to_owned())
    }

    fn contains(&self, host: &str, secure: bool) -> bool {
        let Some(authority) = host.parse::<Authority>().ok().filter(|_| !host.contains('@')) else { return false };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_localhost = name.eq_ignore_ascii_case("localhost");
        let address = name.parse::<IpAddr>().ok();
        if self.exposed {
            // Published ports and containers' names. A name with a dot may be anyone's.
            return address.is_some() || !name.contains('.');
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        port == self.address.port() && (is_localhost || address == Some(self.address.ip()))
    }
}

/// Whether the request comes from a page of another origin. A link to a sign-in page may be on any page.
fn is_foreign(head: &Parts, host: &str) -> bool {
    let text = |name: &HeaderName| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_own = |origin: &str| {
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    if text(&header::ORIGIN).is_some_and(|origin| !is_own(origin)) {
        return true;
    }
    let is_navigation = head.method == Method::GET
        && text(&FETCH_MODE) == Some("navigate")
        && text(&FETCH_DEST) == Some("document")
        && is_sign_in_page(head.uri.path());
    !is_navigation && !matches!(text(&FETCH_SITE), None | Some("same-origin" | "none"))
}
