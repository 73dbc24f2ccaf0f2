//! Requests through a real proxy, which tunnels after `CONNECT`, and the authorities that the environment names.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

/// Starts a proxy to this machine only; returns its address and the head of each request it receives.
fn proxy() -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, requests) = channel();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(client.try_clone().expect("the connection")).lines();
            let head: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let to = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
            if sender.send(head).is_err() {
                return;
            }
            tunnel(client, &to);
        }
    });
    (address, requests)
}

fn tunnel(mut client: TcpStream, to: &str) {
    let Some(server) = to.starts_with("127.0.0.1:").then(|| TcpStream::connect(to).ok()).flatten() else {
        return drop(client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"));
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("a connected client");
    for (mut from, mut to) in [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))]
        .map(|(from, to)| (from.expect("a connection"), to.expect("a connection")))
    {
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..read]).is_err() {
                    return;
                }
            }
        });
    }
}

/// Gets a certification with the command, a token and this environment.
fn get(arguments: &[&str], environment: &[(&str, &str)]) -> std::process::Output {
    let id = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
    let mut command = Command::new(env!("CARGO_BIN_EXE_personcert"));
    command.args(["get", id, "--json", "--max-attempts", "1"]).args(arguments);
    command.env_clear().env("PERSONCERT_TOKEN", "canary.canary.canary");
    command.envs(environment.iter().copied()).output().expect("the command runs")
}

#[test]
fn https_goes_through_the_proxy_with_its_password_and_the_proxy_never_sees_the_token() {
    let graph = LocalGraph::start(Options { tls: true, ..Options::default() }).expect("a local Graph");
    let token = graph.command("token", &json!({})).expect("a token");
    let authority = graph.command("caFile", &json!({})).expect("an authority");
    let (address, requests) = proxy();
    let proxy = format!("http://me:secret@{address}");
    let arguments =
        ["--base-url", graph.url(), "--proxy", &proxy, "--ca-file", authority.as_str().expect("a file"), "--verbose"];
    let output = get(&arguments, &[("PERSONCERT_TOKEN", token.as_str().expect("text"))]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    assert!(!stderr.contains("secret"), "{stderr}");
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read["displayName"], "Marketing Blackbelt - Brand Management");
    let head = requests.recv().expect("a request");
    let to = graph.url().trim_start_matches("https://");
    assert_eq!(head[0], format!("CONNECT {to} HTTP/1.1"));
    let has = |line: &str| head.iter().any(|given| given.eq_ignore_ascii_case(line));
    assert!(has("proxy-authorization: Basic bWU6c2VjcmV0"), "{head:?}");
    assert!(!head.iter().any(|line| line.contains(token.as_str().expect("text"))), "{head:?}");
}

#[test]
fn https_proxy_names_the_proxy_and_no_proxy_excludes_hosts() {
    let (address, requests) = proxy();
    let root = ["--base-url", "https://graph.invalid"];
    let output = get(&root, &[("HTTPS_PROXY", &format!("http://{address}"))]);
    assert_eq!(output.status.code(), Some(8));
    let head = requests.recv().expect("a request");
    assert_eq!(head[0], "CONNECT graph.invalid:443 HTTP/1.1");
    assert!(!head.iter().any(|line| line.contains("canary")), "{head:?}");
    let environment = [("HTTPS_PROXY", &*format!("http://{address}")), ("NO_PROXY", "graph.invalid")];
    assert_eq!(get(&root, &environment).status.code(), Some(8));
    assert!(requests.try_recv().is_err(), "the proxy was used despite NO_PROXY");
}

#[test]
fn ssl_cert_file_names_the_certificate_authorities() {
    let graph = LocalGraph::start(Options { tls: true, ..Options::default() }).expect("a local Graph");
    let token = graph.command("token", &json!({})).expect("a token");
    let authority = graph.command("caFile", &json!({})).expect("an authority");
    let root = ["--base-url", graph.url()];
    let known = [("PERSONCERT_TOKEN", token.as_str().expect("text"))];
    assert_eq!(get(&root, &known).status.code(), Some(8));
    let trusted = [known[0], ("SSL_CERT_FILE", authority.as_str().expect("a file"))];
    let output = get(&root, &trusted);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
