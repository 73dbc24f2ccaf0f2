//! The identity side: sign-in pages, the token endpoint and its tokens.

pub mod applications;
pub mod assertion;
mod authorization_code;
mod commands;
mod device_endpoint;
mod device_sign_in;
mod discovery;
mod form;
pub mod keys;
mod managed_identity;
mod pages;
mod refresh_token;
mod router;
pub mod state;
mod token_endpoint;
mod token_error;
mod user_grant;
