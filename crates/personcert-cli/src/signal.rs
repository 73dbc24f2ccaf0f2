//! The signals that ask the command to stop.

use std::future::Future;

use tokio::runtime::Runtime;

/// Fails where the process lacks the descriptors of an async runtime that handles signals; tokio would panic.
#[cfg(unix)]
pub(crate) fn check_descriptors() -> std::io::Result<()> {
    // Two pairs for the signals, two descriptors for the events, and some for the first connection.
    let pairs = (0..4).map(|_| std::os::unix::net::UnixStream::pair());
    pairs.collect::<std::io::Result<Vec<_>>>().map(drop)
}

/// Windows has no limit that a runtime could meet.
#[cfg(not(unix))]
pub(crate) fn check_descriptors() -> std::io::Result<()> {
    Ok(())
}

/// Handles the signals from now on; the future ends with the first of them: Ctrl-C or SIGTERM.
#[cfg(unix)]
pub(crate) fn stop_requested(runtime: &Runtime) -> impl Future<Output = ()> + use<> {
    use tokio::signal::unix::{SignalKind, signal};

    let _context = runtime.enter();
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            }
            // Without a handler the signals keep their default and end the process.
            _ => std::future::pending().await,
        }
    }
}

/// Handles the signals from now on; the future ends with the first of them: Ctrl-C, Ctrl-Break, a closed console or a
/// shutdown.
#[cfg(windows)]
pub(crate) fn stop_requested(runtime: &Runtime) -> impl Future<Output = ()> + use<> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    let _context = runtime.enter();
    let signals = (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_shutdown());
    async {
        match signals {
            (Ok(mut interrupt), Ok(mut stop), Ok(mut close), Ok(mut shutdown)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = stop.recv() => {}
                _ = close.recv() => {}
                _ = shutdown.recv() => {}
            },
            // Without a handler the events keep their default and end the process.
            _ => std::future::pending().await,
        }
    }
}
