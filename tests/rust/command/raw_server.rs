//! A server that answers as a test says, or not at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

type Answer = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A server on loopback, which ends with the test's process.
pub struct RawServer {
    url: String,
    requests: Receiver<String>,
}

impl RawServer {
    /// `answer` gets the request line and gives the response, or none to leave the connection open in silence.
    pub fn start(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, requests) = channel();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                thread::spawn(move || serve(connection, &sender, &*answer));
            }
        });
        Self { url, requests }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The command as a client of this server.
    pub fn client(&self, arguments: &[&str]) -> Command {
        let mut command = super::personcert(arguments);
        command.env("PERSONCERT_BASE_URL", &self.url).env("PERSONCERT_TOKEN", "opaque-token");
        command
    }

    /// Waits for the next request and returns its method.
    pub fn next_method(&self) -> String {
        let line = self.requests.recv_timeout(Duration::from_mins(1)).expect("a request");
        line.split(' ').next().unwrap_or_default().to_owned()
    }
}

fn serve(connection: TcpStream, requests: &Sender<String>, answer: &Answer) {
    let mut reader = BufReader::new(connection.try_clone().expect("a connection"));
    loop {
        let head: Vec<String> =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let Some(line) = head.first() else { return };
        let length =
            head.iter().find_map(|header| header.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let response = answer(line);
        if requests.send(line.clone()).is_err() {
            return;
        }
        match response {
            Some(response) if (&connection).write_all(response.as_bytes()).is_ok() => {}
            Some(_) => return,
            // The client gives up first.
            None => drop(reader.read(&mut [0])),
        }
    }
}

/// A response with a JSON body.
pub fn response(status: u16, headers: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}
