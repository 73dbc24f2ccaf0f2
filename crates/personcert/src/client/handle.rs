//! The client, a handle on what its clones share, and how it is made.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::context::{self, CallContext, CallDefaults, ClientState};
use super::service::Service;
use crate::auth::{
    CredentialChain, PromptHandler, ProviderFactory, StaticToken, TokenCache, TokenCommand, TokenProvider,
};
use crate::hooks::{Hooks, system_random};
use crate::http::{HttpTransport, Transport};
use crate::limiter::{Limiter, LimiterOptions};
use crate::retry::RetryPolicy;
use crate::{Config, Result};

/// Carries out the operations. Cheap to clone; clones share connections, limiter, retry budget and access token.
///
/// ```
/// use std::sync::Arc;
///
/// use personcert::http::{MemoryTransport, Response};
/// use personcert::{Client, Config, Hooks, Target, User};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> personcert::Result<()> {
/// // In place of the network, so that the example runs anywhere.
/// let graph = MemoryTransport::new(|request| {
///     assert!(request.url.ends_with("/beta/me/profile/certifications/0fb4c1e3"));
///     Ok(Response { status: 200, body: r#"{"id": "0fb4c1e3", "displayName": "Blackbelt"}"#.into(), ..Response::default() })
/// });
/// let config = Config { token: Some("eyJ0eXAi".into()), ..Config::default() };
/// let client = Client::with(&config, Hooks { transport: Some(Arc::new(graph)), ..Hooks::default() })?;
///
/// let certification = client.get(&Target::new(User::Me, "0fb4c1e3")?, &[]).await?;
/// assert_eq!(certification.display_name.as_deref(), Some("Blackbelt"));
/// # Ok(())
/// # }
/// ```
///
/// # Retries
///
/// A failed attempt that may end otherwise is repeated: requests that were not sent, 408, 429, 500, 502, 503, 504, lost
/// connections and attempts that took too long; `create` only if it was certainly not applied. The wait doubles from
/// [`Config::retry_delay`] with full jitter, unless the service says how long to wait. [`Config::max_attempts`],
/// [`Config::timeout`] and a retry budget that all calls share end it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use personcert::http::{MemoryTransport, Response};
/// use personcert::{Client, Config, ErrorKind, Hooks, Target, User};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> personcert::Result<()> {
/// let unavailable = MemoryTransport::new(|_| Ok(Response { status: 503, ..Response::default() }));
/// let config = Config {
///     token: Some("eyJ0eXAi".into()),
///     max_attempts: 3,
///     retry_delay: Duration::from_millis(1),
///     ..Config::default()
/// };
/// let client = Client::with(&config, Hooks { transport: Some(Arc::new(unavailable)), ..Hooks::default() })?;
/// let error = client.get(&Target::new(User::Me, "0fb4c1e3")?, &[]).await.unwrap_err();
/// assert_eq!((error.kind, error.details.attempts), (ErrorKind::Service, Some(3)));
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
///
/// Every operation can be cancelled by dropping its future. A wait for a token, the limiter or a retry then ends at once. The
/// outcome of a request in flight stays unknown.
///
/// # Runtimes
///
/// A client belongs to the async runtime it is first used on, because its connections do; [`Client::for_new_runtime`] makes
/// one for another.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) service: Arc<Service>,
    pub(super) state: Arc<ClientState>,
    pub(super) credential: Arc<TokenCache>,
    pub(super) defaults: CallDefaults,
}

impl Client {
    /// A client with these settings and no hooks. Nothing is sent and no token is fetched yet.
    ///
    /// # Errors
    /// `invalid_input` when a setting is out of range, settings exclude each other, a URL must not receive tokens, or
    /// `ca_file` can't be read. `parameter` names the setting.
    pub fn new(config: &Config) -> Result<Self> {
        Self::with(config, Hooks::default())
    }

    /// A client with these settings that calls `hooks`: credentials, observers, and substitutes for the network, the clock
    /// and the random source.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(config: &Config, hooks: Hooks) -> Result<Self> {
        config.check()?;
        let Hooks { credential, on_attempt, on_prompt, clock, random, transport } = hooks;
        let new_provider = provider_factory(config, credential, on_prompt.map(PromptHandler).unwrap_or_default());
        let clock = clock.unwrap_or_else(|| Arc::new(SystemTime::now));
        let max_attempts = u32::try_from(config.max_attempts).unwrap_or(u32::MAX);
        let transport = match transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new(config)?),
        };
        Ok(Self {
            transport,
            service: Arc::new(Service::new(config)?),
            state: Arc::new(ClientState::new(config)),
            credential: TokenCache::new(new_provider, config.scope(), clock),
            defaults: CallDefaults {
                policy: RetryPolicy { max_attempts, base_delay: config.retry_delay },
                timeout: config.timeout,
                attempt_timeout: config.attempt_timeout,
                traceparent: None,
                on_attempt,
                random: random.unwrap_or_else(|| Arc::new(system_random)),
            },
        })
    }

    /// The same client, limiter and retry budget included, with connections of its own for another async runtime.
    ///
    /// # Errors
    /// When the transport can't be set up again, for example because `ca_file` is gone.
    pub fn for_new_runtime(&self) -> Result<Self> {
        Ok(Self { transport: self.transport.for_new_runtime()?, ..self.clone() })
    }

    /// The same client with nothing of its state, for a process that was forked: locks that were held and requests that were
    /// under way stay with the parent.
    ///
    /// # Errors
    /// As [`for_new_runtime`](Self::for_new_runtime).
    pub fn for_new_process(&self) -> Result<Self> {
        Ok(Self {
            state: Arc::new(ClientState::new(&self.service.config)),
            credential: self.credential.for_new_process(),
            ..self.for_new_runtime()?
        })
    }

    /// The same client with another limit on the time a call may take, retries and waits included; at most 24 hours. For a
    /// list it limits each page.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { defaults: CallDefaults { timeout, ..self.defaults.clone() }, ..self.clone() }
    }

    /// The same client with a limiter of its own, set up anew: for a caller with much work to send.
    #[must_use]
    pub fn with_limiter(&self, options: LimiterOptions) -> Self {
        Self { state: Arc::new(self.state.with_limiter(options)), ..self.clone() }
    }

    /// What decides how fast the client sends. All clones share it.
    pub fn limiter(&self) -> &Limiter {
        &self.state.limiter
    }

    /// The same client, sending a W3C trace context (version 00) with every request, such as
    /// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
    ///
    /// # Errors
    /// `invalid_input` when `traceparent` is not a trace context.
    pub fn with_traceparent(&self, traceparent: &str) -> Result<Self> {
        let traceparent = Some(context::traceparent(traceparent)?);
        Ok(Self { defaults: CallDefaults { traceparent, ..self.defaults.clone() }, ..self.clone() })
    }

    /// A client whose calls are made like this one, for the pages of a list.
    pub(super) fn with_call(&self, context: &CallContext) -> Self {
        let (timeout, traceparent) = (context.timeout, context.traceparent.clone());
        Self { defaults: CallDefaults { timeout, traceparent, ..self.defaults.clone() }, ..self.clone() }
    }
}

/// Provides tokens by the settings, where the program gives no credential.
fn provider_factory(
    config: &Config,
    credential: Option<Arc<dyn TokenProvider>>,
    prompt: PromptHandler,
) -> ProviderFactory {
    let config = config.clone();
    Arc::new(move |binding| match (&credential, &config.token_command, &config.token) {
        (Some(credential), ..) => Arc::clone(credential),
        (None, Some(line), _) => Arc::new(TokenCommand(line.clone())),
        (None, None, Some(token)) => Arc::new(StaticToken(token.clone())),
        (None, None, None) => Arc::new(CredentialChain::new(&config, prompt.clone(), binding.clone())),
    })
}
