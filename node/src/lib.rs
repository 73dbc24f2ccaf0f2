//! The Node package's native half: values over the boundary, calls as promises, errors as data. What is true about the
//! operations lies in the core; the words users see lie in the JavaScript files beside this crate.

mod bridge;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use napi::Env;
use napi::Status;
use napi::bindgen_prelude::{Function, Object, Promise, PromiseRaw};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::{module_init, napi};
use personcert::host::{Call, CopyLimits, Output};
use personcert::{
    AccessToken, CallState, Config, Error, ErrorKind, Hooks, Outcome, PersonCertification, TokenFuture, TokenProvider,
    TokenRequest,
};
use personcert_local::Options;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify};

/// One thread waits for all calls: what it does between waits is little, and handing it round costs more.
#[module_init]
fn init() {
    if let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}

type Text<'env> = napi::Result<PromiseRaw<'env, String>>;

/// A promise of how the work ends; only what JavaScript itself threw rejects it.
fn promise<T: Serialize>(env: &Env, work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Text<'_> {
    env.spawn_future(async { Ok(bridge::write(work.await.as_ref())) })
}

/// Runs the command line; `args` begin with the program's name. Returns the exit code.
#[napi]
pub fn main(args: Vec<String>) -> i32 {
    personcert_cli::run(args.into_iter().map(Into::into))
}

/// Stops the call that it is given to.
#[napi]
#[derive(Clone)]
pub struct Cancel {
    inner: Arc<(AtomicBool, Notify)>,
}

#[napi]
impl Cancel {
    /// One that has not been used.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript has no use for it")]
    pub fn new() -> Self {
        Self { inner: Arc::default() }
    }

    /// Stops the call, now or as soon as it begins.
    #[napi]
    pub fn cancel(&self) {
        self.inner.0.store(true, Ordering::Release);
        self.inner.1.notify_one();
    }
}

/// Carries work out unless it is cancelled; `state` then says whether it may have changed anything.
async fn unless<T>(
    cancel: Option<Cancel>,
    state: CallState,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(Cancel { inner }) = cancel else { return work.await };
    if inner.0.load(Ordering::Acquire) {
        return Err(state.cancelled());
    }
    tokio::select! {
        biased;
        done = work => done,
        () = inner.1.notified() => Err(state.cancelled()),
    }
}

/// A credential of the program around: called with a request as JSON text, it gives a token and its end likewise.
struct Credential(ThreadsafeFunction<String, Promise<String>, String, Status, false, true>);

impl TokenProvider for Credential {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let failed = |error: napi::Error| {
                let why = format!("the credential gave no token: {}", error.reason);
                Error::new(ErrorKind::Auth, Outcome::NotSent, why)
            };
            let request = json!({"scope": request.scope, "claims": request.claims}).to_string();
            let given = self.0.call_async(request).await.map_err(failed)?.await.map_err(failed)?;
            let given: Value = serde_json::from_str(&given).unwrap_or_default();
            let end = given["expiresOnTimestamp"].as_f64().map(|end| end / 1e3);
            let end = end.and_then(|end| UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(end).ok()?));
            Ok(AccessToken::new(given["token"].as_str().unwrap_or_default(), end))
        })
    }
}

/// The client, or why there is none.
#[napi]
pub struct Client {
    opened: Result<personcert::Client, Error>,
}

#[napi]
impl Client {
    /// Opens a client with these settings; `opened` says whether there is one. `tell` is called with every attempt as JSON
    /// text, `credential` when a token is needed, `prompt` with what a person has to do to sign in.
    #[napi(constructor)]
    pub fn new(
        config: Object<'_>,
        tell: Option<Function<'_, String, ()>>,
        credential: Option<Function<'_, String, Promise<String>>>,
        prompt: Option<Function<'_, String, ()>>,
    ) -> napi::Result<Self> {
        let settings = bridge::read_object(&config, CopyLimits::CALL)?;
        let mut hooks = Hooks::default();
        // Weak: a callback is no reason to keep the process alive.
        if let Some(prompt) = prompt {
            let show = prompt.build_threadsafe_function().weak::<true>().build()?;
            hooks.on_prompt = Some(Arc::new(move |shown| {
                show.call(bridge::write(Ok(shown)), ThreadsafeFunctionCallMode::NonBlocking);
            }));
        }
        if let Some(credential) = credential {
            let ask = credential.build_threadsafe_function().weak::<true>().build()?;
            hooks.credential = Some(Arc::new(Credential(ask)));
        }
        if let Some(tell) = tell {
            let tell = tell.build_threadsafe_function().weak::<true>().build()?;
            hooks.on_attempt = Some(Arc::new(move |attempt| {
                tell.call(bridge::write(Ok(attempt)), ThreadsafeFunctionCallMode::NonBlocking);
            }));
        }
        let config = settings.and_then(|settings| Config::read(&settings, bridge::DIALECT));
        Ok(Self { opened: config.and_then(|config| personcert::Client::with(&config, hooks)) })
    }

    /// How opening ended, as JSON text.
    #[napi]
    pub fn opened(&self) -> String {
        bridge::write(self.opened.as_ref().map(|_| ()))
    }

    /// Carries an operation out.
    #[napi]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        operation: String,
        arguments: Object<'_>,
        cancel: Option<&Cancel>,
    ) -> Text<'env> {
        let call = read_call(&operation, &arguments)?;
        let client = self.client()?;
        let state = call.as_ref().map(Call::state).unwrap_or_default();
        let work = async move { client.call(call?).await };
        promise(env, unless(cancel.cloned(), state, work))
    }

    /// Begins a list.
    #[napi]
    pub fn list(&self, arguments: Object<'_>) -> napi::Result<Pages> {
        let call = read_call("list", &arguments)?;
        let state = call.as_ref().map(Call::state).unwrap_or_default();
        Ok(Pages { state, call: Arc::new(Mutex::new(Listing::Asked(Box::new((self.client()?, call))))) })
    }
}

impl Client {
    fn client(&self) -> napi::Result<personcert::Client> {
        self.opened.as_ref().cloned().map_err(|error| napi::Error::from_reason(error.to_string()))
    }
}

fn read_call(operation: &str, arguments: &Object<'_>) -> napi::Result<Result<Call, Error>> {
    let arguments = bridge::read_object(arguments, CopyLimits::CALL)?;
    Ok(arguments.and_then(|arguments| Call::read(operation, &arguments, bridge::DIALECT)))
}

/// The pages of a list, fetched as they are asked for.
#[napi]
pub struct Pages {
    state: CallState,
    call: Arc<Mutex<Listing>>,
}

enum Listing {
    Asked(Box<(personcert::Client, Result<Call, Error>)>),
    Begun(Box<personcert::Pages>),
    Over,
}

#[napi]
impl Pages {
    /// The next page, or null after the last.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, cancel: Option<&Cancel>) -> Text<'env> {
        let listing = Arc::clone(&self.call);
        let work = async move { listing.lock().await.next().await };
        promise(env, unless(cancel.cloned(), self.state.clone(), work))
    }
}

impl Listing {
    async fn next(&mut self) -> Result<Option<Vec<PersonCertification>>, Error> {
        if let Self::Asked(..) = self
            && let Self::Asked(asked) = std::mem::replace(self, Self::Over)
        {
            let (client, call) = *asked;
            if let Output::Pages(pages) = client.call(call?).await? {
                *self = Self::Begun(pages);
            }
        }
        match self {
            Self::Begun(pages) => pages.next().await,
            Self::Asked(..) | Self::Over => Ok(None),
        }
    }
}

/// A local Graph on a thread of its own, once it is started.
#[napi]
#[derive(Clone)]
pub struct LocalGraph {
    graph: Arc<OnceLock<personcert_local::LocalGraph>>,
}

#[napi]
impl LocalGraph {
    /// One that is not started yet.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript has no use for it")]
    pub fn new() -> Self {
        Self { graph: Arc::default() }
    }

    /// Starts it; gives its address.
    #[napi]
    pub fn start<'env>(&self, env: &'env Env, options: Object<'_>) -> Text<'env> {
        let options = bridge::read_object(&options, CopyLimits::CALL)?;
        let graph = Arc::clone(&self.graph);
        on_a_thread(env, move || {
            let started = personcert_local::LocalGraph::start(Options::read(&options?, bridge::DIALECT)?)?;
            Ok(graph.get_or_init(|| started).url().into())
        })
    }

    /// Carries a command out by name.
    #[napi]
    pub fn command<'env>(&self, env: &'env Env, name: String, arguments: Object<'_>) -> Text<'env> {
        let arguments = bridge::read_object(&arguments, CopyLimits::LOCAL_GRAPH)?;
        self.started(env, move |graph| graph.command(&name, &Value::Object(arguments?)))
    }

    /// Stops it.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> Text<'env> {
        self.started(env, |graph| {
            graph.close();
            Ok(Value::Null)
        })
    }
}

impl LocalGraph {
    fn started<'env>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&personcert_local::LocalGraph) -> Result<Value, Error> + Send + 'static,
    ) -> Text<'env> {
        let graph = Arc::clone(&self.graph);
        on_a_thread(env, move || work(graph.get().ok_or_else(|| Error::input("graph", "it is not started"))?))
    }
}

/// A promise of work that blocks.
fn on_a_thread(env: &Env, work: impl FnOnce() -> Result<Value, Error> + Send + 'static) -> Text<'_> {
    promise(env, async {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(Error::new(ErrorKind::Service, Outcome::Unknown, error.to_string())))
    })
}
