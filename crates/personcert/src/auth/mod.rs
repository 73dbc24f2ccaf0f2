//! Where access tokens come from, and the one cache that every call asks.

mod cache;
mod command;
pub(crate) mod token;

pub(crate) use cache::{Bearer, TokenCache};
pub(crate) use command::TokenCommand;
pub use token::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
