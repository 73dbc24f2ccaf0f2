//! The identity side behind a relay that can hold requests for tokens back, so that a test acts while one is under way.

use personcert_local::LocalGraph;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

pub struct Gate {
    /// The address of the relay.
    pub url: String,
    is_held: watch::Sender<bool>,
    arrivals: mpsc::UnboundedReceiver<()>,
}

impl Gate {
    /// A relay to this graph, on the runtime of the caller.
    pub async fn before(graph: &LocalGraph) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let graph = graph.url().trim_start_matches("http://").to_owned();
        let (is_held, held) = watch::channel(false);
        let (arrived, arrivals) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, graph.clone(), held.clone(), arrived.clone()));
            }
        });
        Self { url, is_held, arrivals }
    }

    /// Holds requests for tokens back from now on.
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Lets them through again.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Waits until a request is held back.
    pub async fn arrival(&mut self) {
        self.arrivals.recv().await.expect("a request");
    }
}

/// Relays one request with the host that the graph expects, and its response.
async fn relay(
    mut client: TcpStream,
    graph: String,
    mut held: watch::Receiver<bool>,
    arrived: mpsc::UnboundedSender<()>,
) {
    let Some(request) = read_request(&mut client).await else { return };
    let (top, body) = request.split_once("\r\n\r\n").expect("a head");
    let (line, headers) = top.split_once("\r\n").expect("a request line");
    let kept = headers.lines().filter(|header| {
        let name = header.split(':').next().unwrap_or_default().to_ascii_lowercase();
        name != "host" && name != "connection"
    });
    let headers = kept.collect::<Vec<_>>().join("\r\n");
    let request = format!("{line}\r\nHost: {graph}\r\nConnection: close\r\n{headers}\r\n\r\n{body}");
    if line.contains("/token") && *held.borrow() {
        let _ = arrived.send(());
        if held.wait_for(|is_held| !is_held).await.is_err() {
            return;
        }
    }
    let mut server = TcpStream::connect(graph).await.expect("the local Graph");
    server.write_all(request.as_bytes()).await.expect("it is sent");
    // The client may be gone by now.
    let _ = tokio::io::copy(&mut server, &mut client).await;
}

async fn read_request(client: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
