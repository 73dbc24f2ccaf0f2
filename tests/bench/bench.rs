//! Updates made by plain reqwest and by the crate, one by one and in batches: `personcert-bench CONTENDER URL IN_FLIGHT
//! COUNT`. Prints what one update costs as JSON. The contender `limiter` makes no updates but takes COUNT permits, with
//! IN_FLIGHT users.

use std::time::{Duration, Instant};

use personcert::batch::{MAX_STEPS, Step, StepResponse};
use personcert::limiter::{Limiter, UserKey};
use personcert::{CertificationPatch, Change, Client, Config, Target, UpdateOptions, User};
use serde_json::{Value, json};

const PATH: &str = "/beta/me/profile/certifications/0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
const VALUE: &str = "International Academy of Marketing Excellence";

type Done<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone)]
enum Contender {
    Reqwest { http: reqwest::Client, url: String },
    Personcert { client: Client, target: Target },
    ReqwestBatch { http: reqwest::Client, url: String },
    PersoncertBatch { client: Client, target: Target },
}

impl Contender {
    fn new(name: &str, url: &str) -> Done<Self> {
        if name.starts_with("reqwest") {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
            return Ok(match name {
                "reqwest_batch" => Self::ReqwestBatch { http, url: format!("{url}/beta/$batch") },
                _ => Self::Reqwest { http, url: format!("{url}{PATH}") },
            });
        }
        let config =
            Config { base_url: Some(url.into()), token: Some("t".into()), max_per_user: 32, ..Config::default() };
        let (client, target) = (Client::new(&config)?, Target::new(User::Me, ID)?);
        Ok(match name {
            "personcert_batch" => Self::PersoncertBatch { client, target },
            _ => Self::Personcert { client, target },
        })
    }

    /// How many updates one request carries.
    fn steps(&self) -> u32 {
        match self {
            Self::Reqwest { .. } | Self::Personcert { .. } => 1,
            Self::ReqwestBatch { .. } | Self::PersoncertBatch { .. } => u32::try_from(MAX_STEPS).unwrap_or(1),
        }
    }

    async fn update(&self) -> Done {
        match self {
            Self::Reqwest { http, url } => {
                let body = serde_json::to_vec(&json!({"issuingAuthority": VALUE, "issuingCompany": VALUE}))?;
                let request = http.patch(url).header("authorization", "Bearer t").header("accept", "application/json");
                let request = request.header("content-type", "application/json").body(body);
                let response = request.send().await?.error_for_status()?;
                let certification: Value = serde_json::from_slice(&response.bytes().await?)?;
                assert_eq!(certification["id"], ID);
            }
            Self::Personcert { client, target } => {
                let updated = client.update(target, &patch(), &UpdateOptions::default()).await?;
                assert_eq!(updated.certification.and_then(|certification| certification.id).as_deref(), Some(ID));
            }
            Self::ReqwestBatch { http, url } => reqwest_batch(http, url).await?,
            Self::PersoncertBatch { client, target } => {
                let patches: Vec<_> = (0..MAX_STEPS).map(|_| patch()).collect();
                let steps: Vec<_> = patches.iter().map(|patch| Step::Update(target, patch)).collect();
                for result in client.batch(&steps).await? {
                    let StepResponse::Certification(certification) = result? else { return Err("no answer".into()) };
                    assert_eq!(certification.id.as_deref(), Some(ID));
                }
            }
        }
        Ok(())
    }

    async fn many(&self, in_flight: u32, count: u32) -> Done {
        let tasks: Vec<_> = (0..in_flight)
            .map(|_| {
                let contender = self.clone();
                tokio::spawn(async move {
                    for _ in 0..count / in_flight / contender.steps() {
                        contender.update().await?;
                    }
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}

fn patch() -> CertificationPatch {
    CertificationPatch {
        issuing_authority: Change::Set(VALUE.into()),
        issuing_company: Change::Set(VALUE.into()),
        ..CertificationPatch::default()
    }
}

/// A batch as it is written by hand: JSON values, matched by id.
async fn reqwest_batch(http: &reqwest::Client, url: &str) -> Done {
    let path = PATH.trim_start_matches("/beta");
    let step = |id: usize| {
        let body = json!({"issuingAuthority": VALUE, "issuingCompany": VALUE});
        json!({"id": id.to_string(), "method": "PATCH", "url": path,
            "headers": {"Content-Type": "application/json"}, "body": body})
    };
    let steps: Vec<Value> = (1..=MAX_STEPS).map(step).collect();
    let body = serde_json::to_vec(&json!({"requests": steps}))?;
    let request = http.post(url).header("authorization", "Bearer t").header("content-type", "application/json");
    let response = request.body(body).send().await?.error_for_status()?;
    let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    let answers = answer["responses"].as_array().ok_or("no batch")?;
    for id in (1..=MAX_STEPS).map(|id| id.to_string()) {
        let answer = answers.iter().find(|answer| answer["id"] == id).ok_or("a step is missing")?;
        assert_eq!(answer["body"]["id"], ID);
    }
    Ok(())
}

/// Takes and returns permits while this many users are known.
async fn permits(users: u32, count: u32) -> Done {
    let limiter = Limiter::default();
    let deadline = tokio::time::Instant::now() + Duration::from_hours(1);
    let names: Vec<_> = (0..users).map(|user| format!("{user:08x}-1111-2222-3333-444455556666")).collect();
    let mut before = cpu();
    for round in 0..=count / users {
        for name in &names {
            limiter.acquire(UserKey(name), 1, deadline).await?.succeeded(1);
        }
        if round == 0 {
            before = cpu();
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let cpu = (cpu() - before) as f64 / f64::from(count / users * users);
    println!("{}", json!({"cpu_us": cpu, "wall_us": cpu}));
    Ok(())
}

/// Processor time of this process, user and system, in microseconds.
#[allow(unsafe_code, reason = "getrusage has no safe form in the standard library")]
fn cpu() -> i64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for writes, and zeroes are a valid rusage where the call should fail.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, url, in_flight, count] = arguments.as_slice() else { return Err("four arguments".into()) };
    let (in_flight, count): (u32, u32) = (in_flight.parse()?, count.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if name == "limiter" {
        return runtime.block_on(permits(in_flight, count));
    }
    runtime.block_on(async {
        let contender = Contender::new(name, url)?;
        contender.many(in_flight, count / 10).await?;
        let (began, before) = (Instant::now(), cpu());
        contender.many(in_flight, count).await?;
        let (wall, cpu) = (began.elapsed().as_secs_f64() * 1e6, cpu() - before);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let cpu = cpu as f64 / f64::from(count);
        println!("{}", json!({"cpu_us": cpu, "wall_us": wall / f64::from(count)}));
        Ok(())
    })
}
