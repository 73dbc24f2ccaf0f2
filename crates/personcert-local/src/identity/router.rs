//! The addresses of the identity side.

use axum::body::Body;
use axum::http::{Method, Response};

use super::discovery;
use super::form::parse_form;
use super::token_error::json_response;
use crate::graph::Graph;
use crate::path::path_of;
use crate::request::ApiRequest;
use crate::response::{ErrorResponse, RequestIds};

impl Graph {
    /// Handles a request to the identity side.
    pub fn identity(&self, request: &ApiRequest, ids: &RequestIds) -> Response<Body> {
        let path = path_of(&request.path);
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let (query, is_post) = (parse_form(request.path_and_query().1.as_bytes()), request.method == Method::POST);
        let base = &request.base;
        let form = || parse_form(&request.body);
        match segments.as_slice() {
            [tenant, "v2.0", ".well-known", "openid-configuration"] => {
                json_response(200, &discovery::configuration(base, tenant))
            }
            [_, "discovery", "v2.0", "keys"] => json_response(200, &self.keys.set()),
            ["common", "discovery", "instance"] => json_response(200, &discovery::instance(base)),
            [tenant, "oauth2", "v2.0", "token"] if is_post => self.token(request, tenant, ids),
            [tenant, "oauth2", "v2.0", "devicecode"] if is_post => self.device_code(tenant, base, &form(), ids),
            [_, "oauth2", "v2.0", "authorize"] if is_post => self.user_picked(&form()),
            [_, "oauth2", "v2.0", "authorize"] => self.user_picker(&query),
            [_, "devicelogin"] if is_post => self.device_code_entered(&form()),
            [_, "devicelogin"] => self.device_code_page(),
            ["metadata", "identity", ..] => self.virtual_machine_token(request, &query),
            ["msi", "token"] => self.app_service_token(request, &query),
            ["_identity", "github"] => self.github_token(request, &query),
            _ => ErrorResponse::new(405, "Request_BadRequest", "The method is not allowed here.").response(ids),
        }
    }
}
