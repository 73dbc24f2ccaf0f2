//! HTTP/2, which a TLS client may ask for.

#![allow(missing_docs, dead_code)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use personcert_local::{LocalGraph, Options};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use support::{EXAMPLE, authority, changed, fault, token};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Sender = http2::SendRequest<Body>;

/// Connects over TLS and offers these protocols.
async fn connect(graph: &LocalGraph, protocols: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(graph.ca_file().unwrap()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(authority(graph)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn http2(graph: &LocalGraph) -> Sender {
    let stream = connect(graph, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn patch(graph: &LocalGraph) -> Request<Body> {
    Request::patch(format!("{}{EXAMPLE}", graph.url()))
        .header("authorization", format!("Bearer {}", token(graph)))
        .header("content-type", "application/json")
        .body(Body::from(r#"{"displayName":"changed"}"#))
        .unwrap()
}

async fn json_of(response: hyper::Response<hyper::body::Incoming>) -> Value {
    let bytes = to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn graph() -> LocalGraph {
    LocalGraph::start(Options { tls: true, ..Options::default() }).unwrap()
}

#[tokio::test]
async fn requests_share_a_connection() {
    let graph = graph();
    let sender = http2(&graph).await;
    fault(&graph, json!({"nth": 1, "delay": {"fixed": 0.5}}));
    let (mut first, mut second) = (sender.clone(), sender);
    let slow = first.send_request(patch(&graph));
    let slow = tokio::spawn(slow);
    // The first one is under way when it is in the log.
    while support::command(&graph, "requests", json!({})).as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let response = second.send_request(patch(&graph)).await.unwrap();
    assert!(!slow.is_finished(), "the second response does not wait for the first");
    assert_eq!(response.status(), StatusCode::OK);
    let body = json_of(response).await;
    assert_eq!(body["displayName"], "changed");
    assert!(body["@odata.context"].as_str().unwrap().starts_with(graph.url()), "{body}");
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_foreign_authority_is_refused() {
    let graph = graph();
    let mut sender = http2(&graph).await;
    let request = Request::get("https://evil.example/beta/me").body(Body::empty()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_client_that_offers_nothing_else_gets_http_1() {
    let graph = graph();
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = connect(&graph, protocols).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), protocols.first().map(|protocol| protocol.as_bytes()));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = patch(&graph);
        *request.uri_mut() = EXAMPLE.parse().unwrap();
        request.headers_mut().insert("host", authority(&graph).parse().unwrap());
        assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn faults_break_the_connection() {
    for (act, applied, has_response) in
        [("resetAfterReading", false, false), ("resetAfterApplying", true, false), ("halfBody", true, true)]
    {
        let graph = graph();
        fault(&graph, json!({"act": act}));
        let mut sender = http2(&graph).await;
        let ended = tokio::time::timeout(Duration::from_secs(20), sender.send_request(patch(&graph))).await.unwrap();
        assert_eq!(ended.is_ok(), has_response, "{act}: {ended:?}");
        if let Ok(response) = ended {
            let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
            let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
            assert!(body.is_err() && length > 0, "{act}: {body:?}");
        }
        assert_eq!(changed(&graph), applied, "{act}");
    }
}
