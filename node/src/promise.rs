//! Results as promises of JSON text, and cancellation.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use personcert::host::CallState;
use personcert::{Error, ErrorKind, Outcome};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;

use crate::bridge;

pub type TextPromise<'env> = napi::Result<PromiseRaw<'env, String>>;

/// Promises the result or the error as JSON text. The promise rejects only with what JavaScript itself threw.
pub fn promise<T: Serialize>(
    env: &Env,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> TextPromise<'_> {
    env.spawn_future(async { Ok(bridge::write(work.await.as_ref())) })
}

/// Promises the result of work that blocks its thread.
pub fn blocking(env: &Env, work: impl FnOnce() -> Result<Value, Error> + Send + 'static) -> TextPromise<'_> {
    promise(env, async {
        let result = tokio::task::spawn_blocking(work).await;
        result.unwrap_or_else(|error| Err(Error::new(ErrorKind::Service, Outcome::Unknown, error.to_string())))
    })
}

/// Cancels the call that it is passed to.
#[napi]
#[derive(Clone)]
pub struct CancelToken {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    notify: Notify,
}

#[napi]
impl CancelToken {
    /// Makes a token for one call.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript has no use for it")]
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// Cancels the call, now or as soon as it starts.
    #[napi]
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Release);
        self.shared.notify.notify_one();
    }
}

/// Does the work unless the token cancels it; `state` then says whether the call may have changed anything.
pub async fn or_cancelled<T>(
    token: Option<CancelToken>,
    state: CallState,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(CancelToken { shared }) = token else { return work.await };
    if shared.cancelled.load(Ordering::Acquire) {
        return Err(state.cancelled());
    }
    tokio::select! {
        // A result that has arrived says more than a cancellation.
        biased;
        result = work => result,
        () = shared.notify.notified() => Err(state.cancelled()),
    }
}
