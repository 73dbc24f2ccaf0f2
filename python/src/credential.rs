//! The caller's credential: a Python function that answers on a thread of Python's own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use personcert::auth::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
use personcert::{Error, ErrorKind, Outcome, Result};
use pyo3::prelude::*;
use tokio::sync::oneshot;

use crate::callbacks::Callbacks;
use crate::interpreter;

type Answer = Result<(String, Option<f64>), String>;

/// Gets tokens from `personcert._credential`.
///
/// The function it calls starts a daemon thread of Python and returns. Such a thread may sleep, or run, while the
/// interpreter ends; a thread of Rust may not.
pub struct Credential(pub Arc<Callbacks>);

impl Credential {
    fn start(&self, request: TokenRequest, reply: TokenReply) -> Result<(), String> {
        let started = interpreter::attach(|py| {
            let fetch = self.0.credential.get(py).ok_or("the client was collected")?;
            let fetch = fetch.call1(py, (request.scope, request.claims, reply));
            fetch.map(drop).map_err(|error| error.to_string())
        });
        started.unwrap_or_else(|| Err("the interpreter is shutting down".to_owned()))
    }
}

impl TokenProvider for Credential {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let failed = |why: String| {
                Error::new(ErrorKind::Auth, Outcome::NotSent, format!("the credential returned no token: {why}"))
            };
            let (sender, answer) = oneshot::channel();
            self.start(request, TokenReply(Mutex::new(Some(sender)))).map_err(failed)?;
            let answer = answer.await.map_err(|_| failed("its thread ended".to_owned()))?;
            let (token, expires_on) = answer.map_err(failed)?;
            let expires_on = expires_on.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Ok(AccessToken::new(token, expires_on.and_then(|since| UNIX_EPOCH.checked_add(since))))
        })
    }
}

/// Where a credential's thread leaves its token or its failure.
#[pyclass(frozen, module = "personcert._native")]
pub struct TokenReply(Mutex<Option<oneshot::Sender<Answer>>>);

impl TokenReply {
    fn send(&self, answer: Answer) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The call may have been given up.
            drop(sender.send(answer));
        }
    }
}

#[pymethods]
impl TokenReply {
    /// Answers with a token and its expiry in seconds since 1970.
    fn set(&self, token: String, expires_on: Option<f64>) {
        self.send(Ok((token, expires_on)));
    }

    /// Answers with the reason for the lack of a token.
    fn fail(&self, reason: String) {
        self.send(Err(reason));
    }

    /// Whether the call that wanted the token has been given up.
    fn is_abandoned(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}
