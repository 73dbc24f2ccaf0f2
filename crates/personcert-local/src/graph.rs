//! The local Graph's configuration and state.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use personcert::host::Dialect;
use personcert::schema::{FromInput as _, Input};
use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::access::OwnHosts;
use crate::arguments::FaultsArguments;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::identity::keys::Keys;
use crate::identity::state::Identity;
use crate::log::Log;
use crate::options::Options;
use crate::random::Random;
use crate::scripted_response::ScriptedResponse;
use crate::seed;
use crate::store::{Store, User};
use crate::test_ports::TestPorts;
use crate::throttle::Throttle;
use crate::tls::Tls;

/// A local Graph.
#[derive(Debug)]
pub struct Graph {
    /// The root address.
    pub url: String,
    /// The names under which it answers.
    pub hosts: OwnHosts,
    /// The options it was started with.
    pub options: Options,
    /// The runtime that serves connections.
    pub runtime: Handle,
    /// Listeners for tests.
    pub ports: TestPorts,
    /// The key that signs tokens.
    pub keys: Keys,
    tls: Mutex<Option<Arc<Tls>>>,
    state: Mutex<State>,
}

/// The mutable state.
#[derive(Debug)]
pub struct State {
    /// Users and certifications.
    pub store: Store,
    /// Snapshots of the store.
    pub snapshots: Vec<Store>,
    /// Literal responses to the next requests.
    pub script: VecDeque<ScriptedResponse>,
    /// The configured faults.
    pub faults: Faults,
    /// The configured limits.
    pub throttle: Throttle,
    /// The clock.
    pub clock: Clock,
    /// The generator of ids and random numbers.
    pub random: Random,
    /// Sign-ins.
    pub identity: Identity,
    /// The request log.
    pub log: Log,
}

impl Graph {
    /// Opens the database and fills it when it is empty.
    pub fn open(options: Options, address: SocketAddr, runtime: Handle) -> Result<Self> {
        let state = State {
            store: Store::open(options.database.as_deref()).map_err(database_error)?,
            snapshots: Vec::new(),
            script: VecDeque::new(),
            faults: initial_faults(&options)?,
            throttle: Throttle::default(),
            clock: Clock::default(),
            random: Random::new(options.random_seed),
            identity: Identity::default(),
            log: Log::default(),
        };
        let scheme = if options.tls { "https" } else { "http" };
        let graph = Self {
            url: format!("{scheme}://{address}"),
            hosts: OwnHosts { address, exposed: options.expose },
            options,
            runtime,
            ports: TestPorts::default(),
            keys: Keys::new()?,
            tls: Mutex::default(),
            state: Mutex::new(state),
        };
        if graph.state().store.is_empty().map_err(database_error)? {
            graph.fill()?;
        }
        Ok(graph)
    }

    /// Locks the state.
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
        store.transaction(fill).map_err(|error| Error::input("seed", error.to_string()))
    }

    /// Restores the initial state. Snapshots are kept, to be restored after a reset.
    pub fn reset(&self) -> Result<()> {
        let faults = initial_faults(&self.options)?;
        let mut state = self.state();
        state.script.clear();
        state.log.clear();
        state.identity = Identity::default();
        state.faults = faults;
        state.throttle = Throttle::default();
        state.clock = Clock::default();
        state.random = Random::new(self.options.random_seed);
        state.store.clear().map_err(database_error)?;
        drop(state);
        self.fill()
    }

    /// The TLS configuration, created on first use.
    pub fn tls(&self) -> Result<Arc<Tls>> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*tls {
            return Ok(Arc::clone(tls));
        }
        let created = Arc::new(Tls::new().map_err(|error| {
            let message = format!("the local Graph cannot create its certificates: {error}");
            Error::new(ErrorKind::Network, Outcome::NotSent, message)
        })?);
        *tls = Some(Arc::clone(&created));
        Ok(created)
    }
}

/// The faults of the file that the options name.
fn initial_faults(options: &Options) -> Result<Faults> {
    let mut faults = Faults::default();
    if let Some(path) = &options.faults {
        let invalid = |problem: String| Error::input("faults", format!("{}: {problem}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
        let list: Value = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let read = FaultsArguments::from_input(Input::from(&json!({"faults": list})), Dialect::GRAPH);
        read.and_then(|read| faults.add(read.faults)).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(faults)
}

/// The user with this id or user principal name, or the default user.
pub fn find_user(state: &State, name: Option<&str>) -> Result<User> {
    let name = name.unwrap_or(seed::FIRST_USER);
    let found = state.store.user(name).map_err(database_error)?;
    found.ok_or_else(|| Error::input("user", format!("unknown user {name:?}")))
}

/// An error of the database.
pub fn database_error(error: rusqlite::Error) -> Error {
    Error::input("database", error.to_string())
}
