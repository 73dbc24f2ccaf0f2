//! A user at a laptop: a home directory, a browser, and the command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
pub const USER: &str = "innocenty.popov@contoso.com";
pub const PUBLIC: &str = "00000000-1111-2222-3333-444444444444";
pub const CONFIDENTIAL: &str = "11111111-2222-3333-4444-555555555555";
const COMPANY: &str = "International Academy of Marketing Excellence";

pub struct Person {
    pub graph: LocalGraph,
    pub home: TempDir,
}

impl Person {
    /// An empty home, a local Graph, and a browser that records how it was started.
    pub fn new() -> Self {
        let graph = LocalGraph::start(Options::default()).expect("a local Graph");
        let person = Self { graph, home: tempfile::tempdir().expect("a home") };
        person.program("xdg-open", "env > \"$HOME/browser.env\"; echo \"$1\" > \"$HOME/browser.url\"");
        person
    }

    /// Puts a program on the path.
    pub fn program(&self, name: &str, script: &str) {
        let bin = self.home.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it can be run");
    }

    /// Where the session is stored without a keyring.
    pub fn file(&self) -> PathBuf {
        self.home.path().join(".local/state/personcert/sign-in.json")
    }

    /// The command in this home, with an otherwise empty environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_personcert"));
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.home.path().join("bin").display()));
        command.env("PERSONCERT_BASE_URL", self.graph.url()).env("PERSONCERT_AUTHORITY", self.graph.url());
        // No metadata endpoint answers here.
        command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("the command runs"))
    }

    /// Starts a sign-in and gives its first line.
    pub fn begin(&self, arguments: &[&str]) -> (Child, String, BufReader<std::process::ChildStderr>) {
        let mut child = self.command(arguments).spawn().expect("the command runs");
        let mut told = BufReader::new(child.stderr.take().expect("its errors"));
        let mut line = String::new();
        told.read_line(&mut line).expect("a line");
        (child, line, told)
    }

    /// Signs in with the browser.
    pub fn sign_in(&self) {
        let (child, line, _told) = self.begin(&["login", "--client-id", PUBLIC]);
        let back = pick(&address(&line), USER);
        assert!(fetch(&back, None).body.contains("You are signed in"));
        let said = Said::of(child.wait_with_output().expect("it ends"));
        assert_eq!(said.code, 0, "{said:?}");
    }

    pub fn tell(&self, name: &str, arguments: Value) -> Value {
        self.graph.command(name, &arguments).expect("the command is carried out")
    }

    /// The grants by which tokens were asked for.
    pub fn grants(&self) -> Vec<String> {
        let all = self.tell("signIns", Value::Null);
        let grant = |entry: &Value| entry["grant"].as_str().unwrap_or_default().to_owned();
        all.as_array().into_iter().flatten().map(grant).collect()
    }

    /// Whether the specification's example succeeds as a call about this person, or another one.
    pub fn example(&self, command: &mut Command, whose: &str) -> Said {
        self.tell("reset", Value::Null);
        self.change(command, whose)
    }

    pub fn change(&self, command: &mut Command, whose: &str) -> Said {
        command
            .args(["update", ID])
            .args(["issuingAuthority", "issuingCompany"].map(|name| format!("--set={name}={COMPANY}")));
        if whose != "me" {
            command.args(["--user", whose]);
        }
        let said = Said::of(command.output().expect("the command runs"));
        if said.code == 0 {
            let stored = self.tell("certifications", json!({"user": USER}));
            assert_eq!(stored[0]["issuingCompany"], COMPANY);
            assert_eq!(stored[0]["issuingAuthority"], COMPANY);
        }
        said
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// The address in what a sign-in says first.
pub fn address(line: &str) -> String {
    let from = line.find("http").expect("an address");
    line[from..].split(' ').next().unwrap_or_default().to_owned()
}

/// What a browser got.
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

/// Gets an address, or posts a form to it.
pub fn fetch(address: &str, form: Option<&str>) -> Page {
    let rest = address.strip_prefix("http://").expect("plain http");
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut stream = TcpStream::connect(host).expect("the server is there");
    let request = match form {
        None => format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        Some(form) => format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len()
        ),
    };
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let location = head.lines().find_map(|line| line.strip_prefix("location: ")).map(str::to_owned);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Page { status, location, body: body.to_owned() }
}

/// Picks a user on the page for that, and gives the address that the browser is sent to.
pub fn pick(address: &str, user: &str) -> String {
    let page = fetch(address, None);
    assert!(page.status == 200 && page.body.contains(USER), "{}", page.body);
    let (place, query) = address.split_once('?').expect("a query");
    let picked = fetch(place, Some(&format!("{query}&user={user}")));
    assert_eq!(picked.status, 302, "{}", picked.body);
    picked.location.expect("it leads back")
}
