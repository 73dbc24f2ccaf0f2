//! The client: its callbacks, its calls, the pages of its lists.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use napi::bindgen_prelude::{Function, Object, Promise};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use personcert::auth::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
use personcert::host::CallState;
use personcert::host::{Call, CopyLimits, Output};
use personcert::{Config, Error, ErrorKind, Hooks, Outcome, PersonCertification};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::bridge;
use crate::promise::{CancelToken, TextPromise, or_cancelled, promise};

/// The caller's credential: it takes a request and promises a token with its expiry, both as JSON text.
struct Credential(ThreadsafeFunction<String, Promise<String>, String, Status, false, true>);

impl TokenProvider for Credential {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let failed = |error: napi::Error| {
                let message = format!("the credential failed: {}", error.reason);
                Error::new(ErrorKind::Auth, Outcome::NotSent, message)
            };
            let request = json!({"scope": request.scope, "claims": request.claims}).to_string();
            let response = self.0.call_async(request).await.map_err(failed)?.await.map_err(failed)?;
            let token: Value = serde_json::from_str(&response).unwrap_or_default();
            let expiry = token["expiresOnTimestamp"]
                .as_f64()
                .and_then(|milliseconds| UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(milliseconds / 1e3).ok()?));
            Ok(AccessToken::new(token["token"].as_str().unwrap_or_default(), expiry))
        })
    }
}

/// A client.
#[napi]
pub struct Client {
    /// None when a setting is wrong, and after `close`.
    client: Option<personcert::Client>,
    opened: String,
}

#[napi]
impl Client {
    /// Opens a client; `opened` returns the error of an invalid setting. `on_attempt` is called with every attempt,
    /// `credential` when a token is needed, `on_prompt` with what the user has to do to sign in; all as JSON text.
    #[napi(constructor)]
    pub fn new(
        settings: Object<'_>,
        on_attempt: Option<Function<'_, String, ()>>,
        credential: Option<Function<'_, String, Promise<String>>>,
        on_prompt: Option<Function<'_, String, ()>>,
    ) -> napi::Result<Self> {
        let settings = bridge::read_object(&settings, CopyLimits::CALL)?;
        let mut hooks = Hooks::default();
        // The functions are weak: a callback must not keep the process alive.
        if let Some(on_prompt) = on_prompt {
            let on_prompt = on_prompt.build_threadsafe_function().weak::<true>().build()?;
            hooks.on_prompt = Some(Arc::new(move |prompt| {
                on_prompt.call(bridge::write(Ok(prompt)), ThreadsafeFunctionCallMode::NonBlocking);
            }));
        }
        if let Some(credential) = credential {
            let credential = credential.build_threadsafe_function().weak::<true>().build()?;
            hooks.credential = Some(Arc::new(Credential(credential)));
        }
        if let Some(on_attempt) = on_attempt {
            let on_attempt = on_attempt.build_threadsafe_function().weak::<true>().build()?;
            hooks.on_attempt = Some(Arc::new(move |attempt| {
                on_attempt.call(bridge::write(Ok(attempt)), ThreadsafeFunctionCallMode::NonBlocking);
            }));
        }
        let config = settings.and_then(|settings| Config::read(&settings, bridge::DIALECT));
        let opened = config.and_then(|config| personcert::Client::with(&config, hooks));
        let text = bridge::write(opened.as_ref().map(|_| ()));
        Ok(Self { client: opened.ok(), opened: text })
    }

    /// Gives null or the error of the constructor, as JSON text.
    #[napi]
    pub fn opened(&self) -> String {
        self.opened.clone()
    }

    /// Starts a call.
    #[napi]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        operation: String,
        arguments: Object<'_>,
        cancel: Option<&CancelToken>,
    ) -> TextPromise<'env> {
        let call = read_call(&operation, &arguments)?;
        let client = self.client();
        let state = call.as_ref().map(Call::state).unwrap_or_default();
        // Boxed where it is made: a call's future is large, and each move would copy it.
        let work = Box::pin(async move { client?.call(call?).await });
        promise(env, or_cancelled(cancel.cloned(), state, work))
    }

    /// Starts a list; nothing is sent before its first page is requested.
    #[napi]
    pub fn list(&self, arguments: Object<'_>) -> napi::Result<PageStream> {
        let call = read_call("list", &arguments)?;
        let state = call.as_ref().map(Call::state).unwrap_or_default();
        let listing = Listing::Requested(Box::new((self.client(), call)));
        Ok(PageStream { state, listing: Arc::new(Mutex::new(listing)) })
    }

    /// Closes the client: later calls fail, and its connections close when the calls in progress have ended.
    #[napi]
    pub fn close(&mut self) {
        self.client = None;
    }
}

impl Client {
    fn client(&self) -> Result<personcert::Client, Error> {
        let closed = || Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "the client is closed");
        self.client.clone().ok_or_else(closed)
    }
}

fn read_call(operation: &str, arguments: &Object<'_>) -> napi::Result<Result<Call, Error>> {
    let arguments = bridge::read_object(arguments, CopyLimits::CALL)?;
    Ok(arguments.and_then(|arguments| Call::read(operation, &arguments, bridge::DIALECT)))
}

/// The pages of a list, fetched on demand.
#[napi]
pub struct PageStream {
    state: CallState,
    listing: Arc<Mutex<Listing>>,
}

enum Listing {
    Requested(Box<(Result<personcert::Client, Error>, Result<Call, Error>)>),
    Started(Box<personcert::Pages>),
    Ended,
}

#[napi]
impl PageStream {
    /// Promises the next page, or null after the last.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, cancel: Option<&CancelToken>) -> TextPromise<'env> {
        let listing = Arc::clone(&self.listing);
        let work = Box::pin(async move { listing.lock().await.next().await });
        promise(env, or_cancelled(cancel.cloned(), self.state.clone(), work))
    }
}

impl Listing {
    async fn next(&mut self) -> Result<Option<Vec<PersonCertification>>, Error> {
        if let Self::Requested(..) = self
            && let Self::Requested(request) = std::mem::replace(self, Self::Ended)
        {
            let (client, call) = *request;
            if let Output::Pages(pages) = client?.call(call?).await? {
                *self = Self::Started(pages);
            }
        }
        match self {
            Self::Started(pages) => pages.next().await,
            Self::Requested(..) | Self::Ended => Ok(None),
        }
    }
}
