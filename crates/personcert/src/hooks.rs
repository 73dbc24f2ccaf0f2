//! What a program gives a client besides its settings.
//!
//! [`Config`](crate::Config) holds values that a file or a command line can express. [`Hooks`] holds the rest: objects and
//! functions. Each has a default, so a program sets the ones it needs and takes `..Hooks::default()` for the others.
//!
//! Tests replace the network, the clock and the random source:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use personcert::http::{MemoryTransport, Response};
//! use personcert::{Client, Config, Hooks};
//!
//! let transport = MemoryTransport::new(|_| Ok(Response { status: 204, ..Response::default() }));
//! let hooks = Hooks {
//!     transport: Some(Arc::new(transport)),
//!     clock: Some(Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_900_000_000))),
//!     random: Some(Arc::new(|| 0.5)),
//!     ..Hooks::default()
//! };
//! let client = Client::with(&Config::default(), hooks).unwrap();
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

pub use crate::attempt::Attempt;
use crate::auth::Prompt;
use crate::auth::TokenProvider;
use crate::http::Transport;

/// What a client calls with every attempt, on the thread where the attempt ends. It should return quickly: the call waits.
pub type AttemptHook = Arc<dyn Fn(&Attempt) + Send + Sync>;
/// What a client calls with what the user has to do to sign in.
pub type PromptHook = Arc<dyn Fn(&Prompt) + Send + Sync>;
/// What tells a client the time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
/// What gives a client random numbers from 0 to 1.
pub type Random = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Functions and objects that a client calls. All are optional.
///
/// ```
/// use std::sync::Arc;
///
/// use personcert::{Client, Config, Hooks};
///
/// let hooks = Hooks { on_attempt: Some(Arc::new(|attempt| eprintln!("{attempt:?}"))), ..Hooks::default() };
/// let client = Client::with(&Config::default(), hooks).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Hooks {
    /// Provides the access tokens, instead of the settings.
    pub credential: Option<Arc<dyn TokenProvider>>,
    /// Called with every attempt when it ends, on the thread where it ends.
    pub on_attempt: Option<AttemptHook>,
    /// Called with what the user has to do to sign in interactively. Default: prints it to standard error.
    pub on_prompt: Option<PromptHook>,
    /// Tells the time by which tokens expire. Default: the system's clock.
    pub clock: Option<Clock>,
    /// Returns a random number from 0 to 1, for backoff. Default: the system's random source.
    pub random: Option<Random>,
    /// Sends the requests to Graph. Default: HTTP.
    pub transport: Option<Arc<dyn Transport>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// The system's random source: a number from 0 to 1. Not for secrets.
pub(crate) fn system_random() -> f64 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) / f64::from(u32::MAX)
}
