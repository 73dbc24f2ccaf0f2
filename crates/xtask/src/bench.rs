//! What an update costs here and with the peers: medians of interleaved rounds in one run, against an nginx that gives a
//! fixed answer.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Result, command, root, run};
use crate::setup;
use Asked::{Absent, AtMost, Nothing};

/// How often everything is measured.
const ROUNDS: usize = 7;
const STARTS: usize = 15;
/// How many updates one measurement makes.
const UPDATES: &str = "9600";

/// What is asked of a contender, against plain reqwest.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    AtMost(f64),
    /// It can't have 32 in flight.
    Absent,
}

/// A program that makes updates: what it is called in the table, the program and the name it knows it by, and what is asked
/// of it with one in flight and with 32.
struct Contender {
    shown: &'static str,
    program: fn() -> (PathBuf, &'static str),
    name: &'static str,
    asked: [Asked; 2],
}

const CONTENDERS: &[Contender] = &[
    Contender { shown: "reqwest (Rust)", program: rust, name: "reqwest", asked: [Nothing, Nothing] },
    Contender { shown: "personcert, Rust", program: rust, name: "personcert", asked: [AtMost(1.1), AtMost(1.1)] },
    Contender { shown: "personcert, Python", program: python, name: "personcert", asked: [AtMost(1.3), Absent] },
    Contender {
        shown: "personcert, asyncio",
        program: python,
        name: "personcert_asyncio",
        asked: [AtMost(2.2), AtMost(2.2)],
    },
    Contender { shown: "personcert, Node", program: node, name: "personcert", asked: [AtMost(2.0), AtMost(1.7)] },
    Contender { shown: "urllib3 (Python)", program: python, name: "urllib3", asked: [Nothing, Absent] },
    Contender { shown: "aiohttp (asyncio)", program: python, name: "aiohttp", asked: [Nothing, Nothing] },
    Contender { shown: "fetch (Node)", program: node, name: "fetch", asked: [Nothing, Nothing] },
    Contender { shown: "undici (Node)", program: node, name: "undici", asked: [Nothing, Nothing] },
];

/// Updates in batches: by hand with JSON values, and with the crate.
const BATCHES: &[Contender] = &[
    Contender { shown: "reqwest, JSON values", program: rust, name: "reqwest_batch", asked: [Nothing, Absent] },
    Contender { shown: "personcert, Rust", program: rust, name: "personcert_batch", asked: [AtMost(0.5), Absent] },
];

const LIMITER: Contender = Contender { shown: "limiter", program: rust, name: "limiter", asked: [Nothing, Absent] };

fn place() -> PathBuf {
    root().join("target/bench")
}

fn rust() -> (PathBuf, &'static str) {
    (root().join("target/release/personcert-bench"), "")
}

fn python() -> (PathBuf, &'static str) {
    (place().join("venv/bin/python"), "bench.py")
}

fn node() -> (PathBuf, &'static str) {
    ("node".into(), "bench.mjs")
}

/// Builds the packages, installs them beside the peers, and measures.
pub fn bench() -> Result {
    let packages = setup::package()?;
    run(&mut command("cargo", &["build", "--quiet", "--release", "--package", "personcert-bench"]))?;
    install(&packages)?;
    let server = Nginx::start()?;
    let done = measure(&server.url);
    server.stop()?;
    done?;
    for path in [&packages.wheel, &packages.tarball] {
        let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
        println!("{:<56} {:>6.1} MB", path.file_name().unwrap_or_default().display(), megabytes(size));
    }
    Ok(())
}

fn install(packages: &setup::Packages) -> Result {
    let place = place();
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    run(command("python3", &["-m", "venv", "--clear"]).arg(place.join("venv")))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "urllib3==2.5.0", "aiohttp==3.13.2"];
    run(command(place.join("venv/bin/python"), &pip).arg(&packages.wheel))?;
    let npm = ["install", "--silent", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "undici@7.16.0"];
    run(command("npm", &npm).arg("--prefix").arg(&place).arg(&packages.tarball).current_dir(&place))?;
    for script in ["bench.py", "bench.mjs"] {
        fs::copy(root().join("tests/bench").join(script), place.join(script)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn measure(url: &str) -> Result {
    for (column, in_flight) in ["1", "32"].into_iter().enumerate() {
        let taking_part: Vec<_> =
            CONTENDERS.iter().filter(|contender| !matches!(contender.asked[column], Absent)).collect();
        compare(&format!("one update, {in_flight} in flight"), &taking_part, column, url, in_flight)?;
    }
    compare("one update in batches of 20, 1 in flight", &BATCHES.iter().collect::<Vec<_>>(), 0, url, "1")?;
    let permit = LIMITER.cost(url, "100000", "1000000")?;
    println!("\nA permit with 100,000 users: {permit:.2} us (at most 0.3)");
    println!("\nFrom the start of the process to the first 200, import, resident memory; median of {STARTS}:");
    measure_starts("Python", python, "urllib3", 35.0, url)?;
    measure_starts("Node", node, "fetch", 60.0, url)
}

/// Prints what the contenders cost, each against the first of them.
fn compare(what: &str, contenders: &[&Contender], column: usize, url: &str, in_flight: &str) -> Result {
    let mut spent = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, spent) in contenders.iter().zip(&mut spent) {
            spent.push(contender.cost(url, in_flight, UPDATES)?);
        }
    }
    println!("\nCPU of {what}, median of {ROUNDS} interleaved rounds:");
    let base = spent[0].clone();
    for (contender, spent) in contenders.iter().zip(spent) {
        let ratio = median(spent.iter().zip(&base).map(|(mine, base)| mine / base).collect());
        let verdict = match contender.asked[column] {
            AtMost(limit) if ratio <= limit => format!("at most {limit}: met"),
            AtMost(limit) => format!("at most {limit}: MISSED"),
            Nothing | Absent => String::new(),
        };
        println!("  {:<22} {:>7.1} us  {ratio:>5.2} x reqwest  {verdict}", contender.shown, median(spent));
    }
    Ok(())
}

fn measure_starts(
    language: &str,
    program: fn() -> (PathBuf, &'static str),
    peer: &str,
    most: f64,
    url: &str,
) -> Result {
    let mut starts: [Vec<Start>; 2] = Default::default();
    for _ in 0..STARTS {
        for (name, starts) in ["personcert", peer].into_iter().zip(&mut starts) {
            starts.push(Start::measure(program(), name, url)?);
        }
    }
    let ratio = median(starts[0].iter().zip(&starts[1]).map(|(mine, peer)| mine.first / peer.first).collect());
    for (name, starts) in [format!("personcert, {language}"), peer.to_owned()].into_iter().zip(&starts) {
        let of = |part: fn(&Start) -> f64| median(starts.iter().map(part).collect());
        let (first, import, resident) = (of(|start| start.first), of(|start| start.import), of(|start| start.resident));
        println!("  {name:<22} {first:>6.1} ms  import {import:>5.1} ms  {resident:>5.1} MB");
    }
    println!("    {ratio:.2} x {peer} (at most 1); import at most 25 ms; memory at most {most} MB");
    Ok(())
}

impl Contender {
    /// Microseconds of processor time for one update.
    fn cost(&self, url: &str, in_flight: &str, count: &str) -> Result<f64> {
        let (program, script) = (self.program)();
        let script: &[&str] = if script.is_empty() { &[] } else { &[script] };
        let mut contender = command(program, script);
        let output = contender.args([self.name, url, in_flight, count]).current_dir(place()).output();
        let output = output.map_err(|error| format!("{} did not start: {error}", self.shown))?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("{} failed: {}", self.shown, String::from_utf8_lossy(&output.stderr)))?;
        said["cpu_us"].as_f64().ok_or_else(|| format!("{} said {said}", self.shown))
    }
}

/// One start of a process: milliseconds to the first 200 and for the import, megabytes of memory after it.
struct Start {
    first: f64,
    import: f64,
    resident: f64,
}

impl Start {
    fn measure((program, script): (PathBuf, &'static str), name: &str, url: &str) -> Result<Self> {
        let mut process = command(program, &[script, name, url, "1", "0"]);
        let began = Instant::now();
        let child = process.current_dir(place()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{name} did not start: {error}"))?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let (mut ready, mut rest) = (String::new(), String::new());
        out.read_line(&mut ready).map_err(|error| error.to_string())?;
        let first = began.elapsed().as_secs_f64() * 1e3;
        out.read_to_string(&mut rest).map_err(|error| error.to_string())?;
        child.wait().map_err(|error| error.to_string())?;
        let said: Value = serde_json::from_str(&rest).map_err(|_| format!("{name} said {ready}{rest}"))?;
        let number = |name: &str| said[name].as_f64().ok_or_else(|| format!("no {name} in {said}"));
        Ok(Self { first, import: number("import_ms")?, resident: number("resident_mb")? })
    }
}

/// An nginx on this machine that answers everything with the same certification.
struct Nginx {
    url: String,
    process: Child,
}

impl Nginx {
    fn start() -> Result<Self> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(|error| error.to_string())?;
        let place = place();
        let answer = fs::read_to_string(root().join("tests/bench/answer.json")).map_err(|error| error.to_string())?;
        let config = format!(
            "daemon off; worker_processes 1; error_log stderr; pid {0}/nginx.pid;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}/body;\n\
             proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n\
             server {{ listen {address}; default_type application/json; location / {{ return 200 '{1}'; }}\n\
             location = /beta/$batch {{ error_page 405 =200 /batch.json; return 405; }}\n\
             location = /batch.json {{ root {0}; }} }} }}\n",
            place.display(),
            answer.trim(),
        );
        // Too long for the configuration.
        fs::write(place.join("batch.json"), batch_answer(answer.trim())).map_err(|error| error.to_string())?;
        let file = place.join("nginx.conf");
        fs::write(&file, config).map_err(|error| error.to_string())?;
        let spawned = command("nginx", &["-e", "stderr", "-c"]).arg(&file).arg("-p").arg(&place).spawn();
        let process = spawned.map_err(|error| format!("nginx is missing (Debian's nginx-light has it): {error}"))?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > Duration::from_secs(5) {
                return Err("nginx does not answer".into());
            }
            std::thread::yield_now();
        }
        Ok(Self { url: format!("http://{address}"), process })
    }

    fn stop(mut self) -> Result {
        // The master ends its worker on this.
        let quit = command("kill", &["-QUIT", &self.process.id().to_string()]).status();
        quit.map_err(|error| error.to_string())?;
        self.process.wait().map(|_| ()).map_err(|error| error.to_string())
    }
}

/// The answer to a batch of 20 steps.
fn batch_answer(answer: &str) -> String {
    let step = |id: usize| {
        format!(
            "{{\"id\":\"{id}\",\"status\":200,\"headers\":{{\"Content-Type\":\"application/json\"}},\"body\":{answer}}}"
        )
    };
    let steps: Vec<_> = (1..=20).rev().map(step).collect();
    format!("{{\"responses\":[{}]}}", steps.join(","))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[allow(clippy::cast_precision_loss, reason = "sizes of files are far below 2^53")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
