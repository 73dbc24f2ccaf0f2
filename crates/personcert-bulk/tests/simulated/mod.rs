//! A Graph and a disk in memory that fail as a seed decides.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use personcert::http::{
    Request, Response, ResponseFuture, ServiceHeaders, Transport, TransportError, TransportErrorKind,
};
use personcert_bulk::Storage;
use personcert_bulk::disk::Disk;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

/// Repeatable random numbers, by splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// The service. Clones share the state.
#[derive(Clone)]
pub struct Graph(Arc<Mutex<State>>);

struct State {
    certifications: BTreeMap<String, Vec<Map<String, Value>>>,
    random: Random,
    is_faulty: bool,
    created: u64,
    /// The users with a batch in flight.
    busy: BTreeSet<String>,
    /// When each step came.
    arrivals: Vec<Instant>,
    trace: DefaultHasher,
    started: Instant,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Graph")
    }
}

/// The users of a request that is in flight; free again when it ends, however it ends.
struct InFlight {
    graph: Graph,
    users: BTreeSet<String>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.graph.0.lock().expect("a lock");
        state.busy.retain(|user| !self.users.contains(user));
    }
}

impl Graph {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            certifications: BTreeMap::new(),
            random: Random::new(seed ^ 0x5eed),
            is_faulty: false,
            created: 0,
            busy: BTreeSet::new(),
            arrivals: Vec::new(),
            trace: DefaultHasher::new(),
            started: Instant::now(),
        })))
    }

    pub fn set_faulty(&self, is_faulty: bool) {
        self.0.lock().expect("a lock").is_faulty = is_faulty;
    }

    pub fn trace(&self) -> u64 {
        self.0.lock().expect("a lock").trace.finish()
    }

    /// Each user has each certification once, with the last row's values.
    pub fn check(&self, seed: u64, users: u64, certifications: u64) {
        let state = self.0.lock().expect("a lock");
        for user in 0..users {
            let stored = state.certifications.get(&format!("u{user}@contoso.com"));
            let stored = stored.unwrap_or_else(|| panic!("seed {seed}: user {user} has nothing"));
            let mut values: Vec<_> =
                stored.iter().map(|one| (one["certificationId"].clone(), one["displayName"].clone())).collect();
            values.sort_by_key(|(key, _)| key.to_string());
            let wanted: Vec<_> =
                (0..certifications).map(|at| (json!(format!("C-{at}")), json!(format!("Row {}", at + 1)))).collect();
            assert_eq!(values, wanted, "seed {seed}: user {user}");
        }
    }

    /// No second saw more steps than the rate allows, with one batch and the time that late timers catch up.
    pub fn check_rate(&self, seed: u64, max_rate: f64) {
        let state = self.0.lock().expect("a lock");
        for (at, first) in state.arrivals.iter().enumerate() {
            let within =
                state.arrivals[at..].iter().take_while(|other| **other - *first < Duration::from_secs(1)).count();
            assert!(
                u32::try_from(within).is_ok_and(|within| f64::from(within) <= max_rate * 1.1 + 40.0),
                "seed {seed}: {within}"
            );
        }
    }

    /// Reads a batch; notes its users as busy.
    fn arrive(&self, request: &Request) -> (Vec<Value>, InFlight, Duration) {
        let batch: Value = serde_json::from_slice(&request.body).expect("a batch");
        let steps = batch["requests"].as_array().expect("steps").clone();
        let users: BTreeSet<_> = steps.iter().map(|step| user_of(step["url"].as_str().expect("a url"))).collect();
        let mut state = self.0.lock().expect("a lock");
        for user in &users {
            assert!(state.busy.insert(user.clone()), "two batches of {user} are in flight");
        }
        let now = Instant::now();
        state.arrivals.extend(steps.iter().map(|_| now));
        let since = (now - state.started).as_nanos();
        (since, &request.body[..]).hash(&mut state.trace);
        let delay = Duration::from_millis(20 + state.random.below(200));
        (steps, InFlight { graph: self.clone(), users }, delay)
    }

    fn answer(&self, steps: &[Value]) -> Result<Response, TransportError> {
        let mut state = self.0.lock().expect("a lock");
        let is_faulty = state.is_faulty;
        let lost = || Err(TransportError::new(TransportErrorKind::Disconnected, "reset"));
        if is_faulty && state.random.percent(3) {
            return lost();
        }
        if is_faulty && state.random.percent(3) {
            let headers = ServiceHeaders { retry_after: Some(1.0), ..ServiceHeaders::default() };
            return Ok(Response { status: 429, headers, ..Response::default() });
        }
        let mut responses = Vec::new();
        for step in steps {
            let id = step["id"].clone();
            if is_faulty && state.random.percent(4) {
                responses.push(json!({"id": id, "status": 429, "headers": {"Retry-After": "1"}}));
            } else if is_faulty && state.random.percent(3) {
                responses.push(json!({"id": id, "status": 500}));
            } else {
                let (status, body) = state.apply(step);
                match state.random.below(100) {
                    0..=1 if is_faulty => {}
                    2..=3 if is_faulty => responses.push(json!({"id": id, "status": 504})),
                    4 if is_faulty => {
                        responses.extend([json!({"id": id, "status": 200}), json!({"id": id, "status": 200})]);
                    }
                    _ => responses.push(json!({"id": id, "status": status, "body": body})),
                }
            }
        }
        if state.random.percent(50) {
            responses.reverse();
        }
        if is_faulty && state.random.percent(3) {
            return lost();
        }
        let body = json!({"responses": responses}).to_string().into();
        Ok(Response { status: 200, body, ..Response::default() })
    }
}

impl State {
    fn apply(&mut self, step: &Value) -> (u16, Value) {
        let url = step["url"].as_str().expect("a url");
        let user = user_of(url);
        let id = url.split("/profile/certifications/").nth(1).map(str::to_owned);
        let all = self.certifications.entry(user).or_default();
        match (step["method"].as_str().expect("a method"), id) {
            ("GET", None) => (200, json!({"value": all})),
            ("POST", None) => {
                self.created += 1;
                let mut created = step["body"].as_object().expect("values").clone();
                created.insert("id".into(), json!(format!("id-{}", self.created)));
                all.push(created.clone());
                (201, Value::Object(created))
            }
            ("PATCH", Some(id)) => match all.iter_mut().find(|one| one["id"] == id.as_str()) {
                Some(stored) => {
                    stored.extend(step["body"].as_object().expect("values").clone());
                    (200, Value::Object(stored.clone()))
                }
                None => (404, json!({"error": {"code": "UnknownError", "message": ""}})),
            },
            (method, id) => panic!("unexpected {method} {id:?}"),
        }
    }
}

fn user_of(url: &str) -> String {
    url.split('/').nth(2).expect("a user").to_owned()
}

impl Transport for Graph {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        Box::pin(async move {
            assert!(request.delivery.start());
            let (steps, in_flight, delay) = self.arrive(&request);
            sleep(delay).await;
            let answer = self.answer(&steps);
            sleep(delay).await;
            drop(in_flight);
            answer
        })
    }

    fn for_new_runtime(&self) -> personcert::Result<Arc<dyn Transport>> {
        Ok(Arc::new(self.clone()))
    }
}

/// The files of a job. A crash loses what was not synced, or a part of it.
#[derive(Clone, Default)]
pub struct Files {
    journal: File,
    before: File,
}

impl Files {
    pub fn crash(&self, random: &mut Random) {
        self.journal.crash(random);
        self.before.crash(random);
    }
}

impl Storage for Files {
    fn journal(&self) -> io::Result<Box<dyn Disk>> {
        Ok(Box::new(self.journal.clone()))
    }

    fn before(&self) -> io::Result<Box<dyn Disk>> {
        Ok(Box::new(self.before.clone()))
    }
}

#[derive(Clone, Default)]
struct File(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

impl File {
    fn crash(&self, random: &mut Random) {
        let mut content = self.0.lock().expect("a lock");
        let unsynced = content.bytes.len() - content.synced;
        let kept = usize::try_from(random.below(u64::try_from(unsynced).expect("small") + 1)).expect("small");
        let length = content.synced + kept;
        content.bytes.truncate(length);
        content.synced = length;
    }
}

impl Disk for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().expect("a lock").bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.0.lock().expect("a lock");
        content.synced = content.bytes.len();
        Ok(())
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.0.lock().expect("a lock");
        let rest = content.bytes.get(usize::try_from(offset).expect("small")..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut content = self.0.lock().expect("a lock");
        content.bytes.truncate(usize::try_from(length).expect("small"));
        content.synced = content.bytes.len();
        Ok(())
    }
}
