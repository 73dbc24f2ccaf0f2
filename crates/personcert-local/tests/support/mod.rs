//! HTTP over a plain socket, without a client library.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

/// The address of the documented example.
pub const EXAMPLE: &str = "/beta/me/profile/certifications/0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// A response as the client saw it.
#[derive(Debug)]
pub struct Received {
    /// The received bytes.
    pub bytes: Vec<u8>,
    /// Whether a reset ended the connection.
    pub reset: bool,
}

impl Received {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn status(&self) -> u16 {
        self.text().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub fn headers(&self) -> String {
        self.text().split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let of = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut headers = self.headers().lines().filter_map(of).collect::<Vec<_>>().into_iter();
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn body(&self) -> &[u8] {
        let at = self.bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(self.bytes.len(), |at| at + 4);
        &self.bytes[at..]
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body()).unwrap_or_default()
    }
}

pub fn start() -> LocalGraph {
    LocalGraph::start(Options::default()).unwrap()
}

pub fn command(graph: &LocalGraph, name: &str, arguments: Value) -> Value {
    graph.command(name, &arguments).unwrap()
}

pub fn fault(graph: &LocalGraph, fault: Value) {
    command(graph, "faults", json!({"faults": [fault]}));
}

pub fn token(graph: &LocalGraph) -> String {
    command(graph, "token", json!({})).as_str().unwrap().to_owned()
}

/// A request whose connection closes after the response.
pub fn request(graph: &LocalGraph, token: &str, method: &str, path: &str, body: &str) -> String {
    let (length, host) = (body.len(), authority(graph));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The host and port of the graph's own address.
pub fn authority(graph: &LocalGraph) -> &str {
    graph.url().split_once("://").unwrap().1
}

pub fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.split_once("://").unwrap().1).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads to the end, or at least `limit` bytes.
pub fn read(stream: &mut TcpStream, limit: usize) -> Received {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 65536];
    while bytes.len() < limit {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                return Received { bytes, reset: true };
            }
        }
    }
    Received { bytes, reset: false }
}

pub fn send(graph: &LocalGraph, method: &str, path: &str, body: &str) -> Received {
    send_as(graph, &token(graph), method, path, body)
}

pub fn send_as(graph: &LocalGraph, token: &str, method: &str, path: &str, body: &str) -> Received {
    let mut stream = connect(graph.url());
    // A server that resets early may do so during this write.
    let _ = stream.write_all(request(graph, token, method, path, body).as_bytes());
    read(&mut stream, usize::MAX)
}

/// Changes the example. [`changed`] shows whether the change was applied.
pub fn change(graph: &LocalGraph) -> Received {
    send(graph, "PATCH", EXAMPLE, r#"{"displayName":"changed"}"#)
}

pub fn changed(graph: &LocalGraph) -> bool {
    command(graph, "certifications", json!({}))[0]["displayName"] == "changed"
}
