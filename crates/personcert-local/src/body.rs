//! Bodies that no server should send.

use std::io::Write as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::{Compress, Compression, Crc, FlushCompress};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;

use crate::connection_handle::ConnectionHandle;

/// The longest that one answer takes.
const LONGEST: Duration = Duration::from_mins(1);
const MEBIBYTE: usize = 1 << 20;
/// What the bomb unpacks to, in MiB.
const UNPACKED: u32 = 256;

/// A page for people, as gateways answer.
pub const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";

type Feed = mpsc::Sender<std::io::Result<Bytes>>;

/// A body that `feed` sends piece by piece. It ends with the task, or the task when the client leaves.
fn fed<F: Future<Output = ()> + Send + 'static>(feed: impl FnOnce(Feed) -> F) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(sender));
    Body::from_stream(ReceiverStream::new(receiver))
}

/// The beginning of a body, and then the end of the connection.
pub fn broken(start: Bytes, connection: ConnectionHandle) -> Body {
    fed(|feed| async move {
        // There is limits again when the start was taken. The taker writes it out in the same turn of the runtime's one
        // thread, so that it is on its way when the connection breaks.
        let _ = feed.send(Ok(start)).await;
        let _ = feed.reserve().await;
        connection.reset();
        // The body must not end before the connection has.
        feed.closed().await;
    })
}

/// Text that looks like a list and never ends.
pub fn endless() -> Body {
    fed(|feed| async move {
        let until = Instant::now() + LONGEST;
        let mut chunk = Bytes::from_static(b"{\"value\":[");
        while Instant::now() < until && feed.send(Ok(chunk)).await.is_ok() {
            chunk = Bytes::from(r#"{"displayName":"and another one"},"#.repeat(256));
            sleep(Duration::from_millis(1)).await;
        }
        let _ = feed.send(Err(std::io::ErrorKind::TimedOut.into())).await;
    })
}

/// The body, one byte at a time.
pub fn slow(body: Bytes) -> Body {
    fed(|feed| async move {
        let until = Instant::now() + LONGEST;
        for at in 0..body.len() {
            if Instant::now() >= until || feed.send(Ok(body.slice(at..=at))).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
}

/// 256 MiB of spaces in 256 KiB. One compressed MiB is repeated: a full flush makes it stand alone, so there's no need
/// to compress the other 255.
pub fn gzip_bomb() -> Vec<u8> {
    let spaces = vec![b' '; MEBIBYTE];
    let mut packed = Vec::with_capacity(MEBIBYTE);
    // Without limits or with bad input this would fail; it has neither.
    let _ = Compress::new(Compression::best(), false).compress_vec(&spaces, &mut packed, FlushCompress::Full);
    let (mut one, mut all) = (Crc::new(), Crc::new());
    one.update(&spaces);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for _ in 0..UNPACKED {
        bomb.extend_from_slice(&packed);
        all.combine(&one);
    }
    // An empty last block, the checksum and the size.
    bomb.extend_from_slice(&[3, 0]);
    bomb.extend_from_slice(&all.sum().to_le_bytes());
    bomb.extend_from_slice(&(UNPACKED << 20).to_le_bytes());
    bomb
}

/// An error of 10 MiB.
pub fn large_error() -> Vec<u8> {
    let mut error = Vec::with_capacity(11 * MEBIBYTE);
    let message = "x".repeat(10 * MEBIBYTE);
    // Writing to memory doesn't fail.
    let _ = write!(error, r#"{{"error":{{"code":"InternalServerError","message":"{message}"}}}}"#);
    error
}

/// JSON 100,000 deep.
pub fn deep() -> Vec<u8> {
    let depth = 100_000;
    [r#"{"a":"#.repeat(depth), "1".into(), "}".repeat(depth)].concat().into_bytes()
}
