//! Response bodies that no server should send.

use std::io::Write as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::{Compress, Compression, Crc, FlushCompress};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;

use crate::connection_handle::ConnectionHandle;

/// Time limit for one response.
const MAX_DURATION: Duration = Duration::from_mins(1);
const MEBIBYTE: usize = 1 << 20;
/// The unpacked size of the gzip bomb, in MiB.
const UNPACKED_MEBIBYTES: u32 = 256;

/// An HTML page, as gateways send it.
pub const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";

type Chunks = mpsc::Sender<std::io::Result<Bytes>>;

/// A body that `send` sends in chunks. The task ends when the client disconnects.
fn chunked<F: Future<Output = ()> + Send + 'static>(send: impl FnOnce(Chunks) -> F) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(sender));
    Body::from_stream(ReceiverStream::new(receiver))
}

/// The start of a body, then a connection reset.
pub fn broken(start: Bytes, connection: ConnectionHandle) -> Body {
    chunked(|chunks| async move {
        let _ = chunks.send(Ok(start)).await;
        // The channel has room again once the connection took the start, which it then writes at once.
        let _ = chunks.reserve().await;
        connection.reset();
        // The body must not end before the connection does.
        chunks.closed().await;
    })
}

/// A list that never ends.
pub fn endless() -> Body {
    chunked(|chunks| async move {
        let deadline = Instant::now() + MAX_DURATION;
        let mut chunk = Bytes::from_static(b"{\"value\":[");
        while Instant::now() < deadline && chunks.send(Ok(chunk)).await.is_ok() {
            chunk = Bytes::from(r#"{"displayName":"and another one"},"#.repeat(256));
            sleep(Duration::from_millis(1)).await;
        }
        let _ = chunks.send(Err(std::io::ErrorKind::TimedOut.into())).await;
    })
}

/// A body in chunks of one byte.
pub fn slow(body: Bytes) -> Body {
    chunked(|chunks| async move {
        let deadline = Instant::now() + MAX_DURATION;
        for at in 0..body.len() {
            if Instant::now() >= deadline || chunks.send(Ok(body.slice(at..=at))).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
}

/// 256 MiB of spaces in 256 KiB of gzip. One compressed MiB is repeated: a full flush makes it independent of the rest.
pub fn gzip_bomb() -> Vec<u8> {
    let spaces = vec![b' '; MEBIBYTE];
    let mut packed = Vec::with_capacity(MEBIBYTE);
    // This fails only without room or with invalid input.
    let _ = Compress::new(Compression::best(), false).compress_vec(&spaces, &mut packed, FlushCompress::Full);
    let (mut one, mut all) = (Crc::new(), Crc::new());
    one.update(&spaces);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for _ in 0..UNPACKED_MEBIBYTES {
        bomb.extend_from_slice(&packed);
        all.combine(&one);
    }
    // An empty last block, the checksum and the size.
    bomb.extend_from_slice(&[3, 0]);
    bomb.extend_from_slice(&all.sum().to_le_bytes());
    bomb.extend_from_slice(&(UNPACKED_MEBIBYTES << 20).to_le_bytes());
    bomb
}

/// An error of 10 MiB.
pub fn large_error() -> Vec<u8> {
    let mut error = Vec::with_capacity(11 * MEBIBYTE);
    let message = "x".repeat(10 * MEBIBYTE);
    // Writing to memory does not fail.
    let _ = write!(error, r#"{{"error":{{"code":"InternalServerError","message":"{message}"}}}}"#);
    error
}

/// JSON that nests 100,000 objects.
pub fn deep() -> Vec<u8> {
    let depth = 100_000;
    [r#"{"a":"#.repeat(depth), "1".into(), "}".repeat(depth)].concat().into_bytes()
}
