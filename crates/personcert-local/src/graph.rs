//! What the local Graph is made of.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use personcert::{Error, ErrorKind, Outcome, Result};
use tokio::runtime::Handle;

use crate::access::OwnHosts;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::identity::{Identity, Keys};
use crate::log::Log;
use crate::options::Options;
use crate::places::Places;
use crate::random::Random;
use crate::script::Answer;
use crate::seed;
use crate::store::Store;
use crate::throttle::Throttle;
use crate::tls::Tls;

/// Everything behind the addresses.
#[derive(Debug)]
pub struct Graph {
    /// The root of the addresses.
    pub url: String,
    /// The names under which it answers.
    pub hosts: OwnHosts,
    /// How it was started.
    pub options: Options,
    /// Where connections are served.
    pub runtime: Handle,
    /// Where connections go wrong.
    pub places: Places,
    /// What signs tokens.
    pub keys: Keys,
    tls: Mutex<Option<Arc<Tls>>>,
    state: Mutex<State>,
}

/// What changes.
#[derive(Debug)]
pub struct State {
    /// Users and certifications.
    pub store: Store,
    /// Copies of them.
    pub snapshots: Vec<Store>,
    /// Literal answers to the next requests.
    pub script: VecDeque<Answer>,
    /// What goes wrong.
    pub faults: Faults,
    /// How much may be asked for.
    pub throttle: Throttle,
    /// The time.
    pub clock: Clock,
    /// Ids and drawn numbers.
    pub random: Random,
    /// Who signs in.
    pub identity: Identity,
    /// What was asked for.
    pub log: Log,
}

impl Graph {
    /// Opens the database and fills it when it is empty.
    pub fn open(options: Options, address: SocketAddr, runtime: Handle) -> Result<Self> {
        let store =
            Store::open(options.database.as_deref()).map_err(|error| Error::input("database", error.to_string()))?;
        let state = State {
            store,
            snapshots: Vec::new(),
            script: VecDeque::new(),
            faults: faults(&options)?,
            throttle: Throttle::default(),
            clock: Clock::default(),
            random: Random::new(options.random_seed),
            identity: Identity::default(),
            log: Log::default(),
        };
        let scheme = if options.tls { "https" } else { "http" };
        let (url, hosts) = (format!("{scheme}://{address}"), OwnHosts { address, exposed: options.expose });
        let (places, keys, tls) = (Places::default(), Keys::new()?, Mutex::default());
        let graph = Self { url, hosts, options, runtime, places, keys, tls, state: Mutex::new(state) };
        if graph.state().store.is_empty().map_err(internal)? {
            graph.fill()?;
        }
        Ok(graph)
    }

    /// What changes, for as long as the guard lives.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self) -> Result<()> {
        let mut state = self.state();
        let State { store, clock, random, .. } = &mut *state;
        let now = clock.text();
        let fill = |store: &Store| -> std::result::Result<(), Box<dyn std::error::Error>> {
            seed::default(store)?;
            if let Some(path) = &self.options.seed {
                seed::file(store, path, &now, random)?;
            }
            Ok(seed::generate(store, self.options.users, self.options.certifications, &now)?)
        };
        store.together(fill).map_err(|error| Error::input("seed", error.to_string()))
    }

    /// Makes everything as it was at the start. Snapshots stay, to be restored after a reset.
    pub fn reset(&self) -> Result<()> {
        let faults = faults(&self.options)?;
        let mut state = self.state();
        state.script.clear();
        state.log.clear();
        state.identity = Identity::default();
        state.faults = faults;
        state.throttle = Throttle::default();
        state.clock = Clock::default();
        state.random = Random::new(self.options.random_seed);
        state.store.clear().map_err(internal)?;
        drop(state);
        self.fill()
    }

    /// The certificates, made when they are first asked for.
    pub fn tls(&self) -> Result<Arc<Tls>> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*tls {
            return Ok(Arc::clone(tls));
        }
        let failed = |error: Box<dyn std::error::Error>| {
            let message = format!("the local Graph can't make its certificates: {error}");
            Error::new(ErrorKind::Network, Outcome::NotSent, message)
        };
        let made = Arc::new(Tls::new().map_err(failed)?);
        *tls = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// The faults of the file that the options name.
fn faults(options: &Options) -> Result<Faults> {
    let mut faults = Faults::default();
    if let Some(path) = &options.faults {
        let wrong = |why: String| Error::input("faults", format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let list = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        faults.add(&list).map_err(|(place, why)| wrong(format!("{place}: {why}")))?;
    }
    Ok(faults)
}

/// A database that fails.
pub fn internal(error: rusqlite::Error) -> Error {
    Error::input("database", error.to_string())
}
