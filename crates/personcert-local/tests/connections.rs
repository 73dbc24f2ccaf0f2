//! Addresses where connections fail, and TLS.

#![allow(missing_docs, dead_code)]

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use personcert_local::{LocalGraph, Options};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use support::{EXAMPLE, command, connect, fault, read, request, start, token};

fn address(addresses: &Value, name: &str) -> SocketAddr {
    let url = addresses[name].as_str().unwrap().replace("localhost", "127.0.0.1");
    url.split_once("://").unwrap().1.parse().unwrap()
}

fn over_tls(graph: &LocalGraph, url: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    let ca = graph.ca_file().unwrap();
    assert_eq!(command(graph, "caFile", json!({})), json!(ca));
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let (host, port) = url.split_once("://").unwrap().1.rsplit_once(':').unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}

#[test]
fn one_port_serves_http_and_https() {
    for tls in [false, true] {
        let graph = LocalGraph::start(Options { tls, ..Options::default() }).unwrap();
        assert!(graph.url().starts_with(if tls { "https://127.0.0.1:" } else { "http://127.0.0.1:" }));
        let addresses = command(&graph, "addresses", json!({}));
        let named = addresses["https"].as_str().unwrap();
        for url in [named.to_owned(), graph.url().replace("http:", "https:")] {
            let mut stream = over_tls(&graph, &url).unwrap();
            stream.write_all(request(&graph, &token(&graph), "GET", EXAMPLE, "").as_bytes()).unwrap();
            let mut answer = String::new();
            // The server closes without close_notify; the response came before.
            let _ = stream.read_to_string(&mut answer);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"@odata.context\":\"https://"), "{answer}");
        }
    }
}

#[test]
fn a_reset_over_tls_resets_the_socket() {
    let graph = start();
    fault(&graph, json!({"act": "resetAfterReading"}));
    let url = command(&graph, "addresses", json!({}))["https"].as_str().unwrap().to_owned();
    let mut stream = over_tls(&graph, &url).unwrap();
    stream.write_all(request(&graph, &token(&graph), "GET", EXAMPLE, "").as_bytes()).unwrap();
    let error = stream.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_handshake_ends_with_an_alert() {
    let refusing = LocalGraph::start(Options { tls: true, tls_alert: true, ..Options::default() }).unwrap();
    let graph = start();
    let alert = command(&graph, "addresses", json!({}))["tlsAlert"].as_str().unwrap().to_owned();
    for (graph, url) in [(&refusing, refusing.url()), (&graph, &alert)] {
        let error = over_tls(graph, url).unwrap_err().to_string();
        assert!(error.contains("HandshakeFailure"), "{error}");
    }
}

#[test]
fn test_addresses_refuse_time_out_or_stay_silent() {
    let graph = start();
    let addresses = command(&graph, "addresses", json!({}));
    assert_eq!(addresses, command(&graph, "addresses", json!({})), "the addresses stay the same");
    let short = Duration::from_millis(300);
    let connected = TcpStream::connect_timeout(&address(&addresses, "full"), short);
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::TimedOut);
    let refused = TcpStream::connect_timeout(&address(&addresses, "closed"), short);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let mut silent = connect(addresses["silent"].as_str().unwrap());
    silent.set_read_timeout(Some(short)).unwrap();
    silent.write_all(request(&graph, "x", "GET", EXAMPLE, "").as_bytes()).unwrap();
    let unanswered = silent.read(&mut [0; 10]).unwrap_err().kind();
    assert!(matches!(unanswered, ErrorKind::WouldBlock | ErrorKind::TimedOut));

    graph.close();
    for name in ["silent", "elsewhere", "tlsAlert", "full"] {
        let closed = TcpStream::connect_timeout(&address(&addresses, name), short);
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::ConnectionRefused, "{name}");
    }
}

#[test]
fn commands_over_http_need_the_own_address() {
    let graph = start();
    let ask = |host: &str| {
        let mut stream = connect(graph.url());
        let wanted = format!(
            "POST /_local/clock HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(wanted.as_bytes()).unwrap();
        read(&mut stream, usize::MAX)
    };
    let seen = ask(graph.url().split_once("://").unwrap().1);
    assert!(seen.status() == 200 && seen.json().is_string());
    assert_eq!(ask("evil.example").status(), 421);
}
