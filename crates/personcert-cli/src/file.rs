//! Files that the caller names, read with bounds on size and time.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use personcert::{Error, Result};

/// The largest certification that `--current` reads, in bytes.
pub(crate) const MAX_CERTIFICATION_BYTES: u64 = 4 << 20;
/// The largest token that `--token-file` reads, in bytes.
pub(crate) const MAX_TOKEN_BYTES: u64 = 1 << 20;
/// Time limit for a file, which may be a pipe that another program fills.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The text of the file named by `option`.
pub(crate) async fn read(option: &str, path: &Path, max_bytes: u64) -> Result<String> {
    let text = read_within(path, max_bytes, READ_TIMEOUT).await;
    text.map_err(|why| Error::input(option, format!("{}: {why}", path.display())))
}

async fn read_within(path: &Path, max_bytes: u64, timeout: Duration) -> Result<String, String> {
    let owned = path.to_owned();
    // Opening a pipe without a writer blocks, so that this must not happen on the thread that waits for Ctrl-C.
    let bytes = tokio::task::spawn_blocking(move || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(owned)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = tokio::time::timeout(timeout, bytes).await;
    let bytes = bytes.map_err(|_| format!("not readable within {} s; is it a pipe?", timeout.as_secs_f64()))?;
    let bytes = bytes.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("larger than {max_bytes} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8; save it as UTF-8".to_owned())?;
    // Windows editors begin UTF-8 files with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::read_within;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_file_is_read_up_to_its_limit_and_without_a_byte_order_mark() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "\u{feff}12345").expect("written");
        assert_eq!(read_within(file.path(), 8, LIMIT).await.as_deref(), Ok("12345"));
        assert_eq!(read_within(file.path(), 7, LIMIT).await, Err("larger than 7 bytes".into()));
        std::fs::write(file.path(), [0xff, 0xfe, 0x41, 0]).expect("written");
        assert_eq!(read_within(file.path(), 8, LIMIT).await, Err("not UTF-8; save it as UTF-8".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_writer_ends_at_the_time_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let read = runtime.block_on(read_within(&pipe, 8, Duration::from_millis(50)));
        runtime.shutdown_background();
        assert!(read.is_err_and(|why| why.contains("is it a pipe?")));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_endless_device_is_larger_than_its_limit() {
        let read = read_within(Path::new("/dev/zero"), 1 << 16, LIMIT).await;
        assert_eq!(read, Err("larger than 65536 bytes".into()));
    }
}
