//! Waking an event loop from another thread: a pair of sockets where event loops watch descriptors, nothing elsewhere.

#[cfg(unix)]
pub use unix::{WakeReceiver, WakeSender, wake_pair};
#[cfg(not(unix))]
pub use unwatched::{WakeReceiver, WakeSender, wake_pair};

#[cfg(unix)]
mod unix {
    use std::io::{self, Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// The end that wakes.
    pub struct WakeSender(UnixStream);

    /// The end that the event loop watches.
    pub struct WakeReceiver(UnixStream);

    /// A connected pair.
    pub fn wake_pair() -> io::Result<Option<(WakeSender, WakeReceiver)>> {
        let (sender, receiver) = UnixStream::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        Ok(Some((WakeSender(sender), WakeReceiver(receiver))))
    }

    impl WakeSender {
        /// Makes the receiver readable. It fails only when the event loop is gone.
        pub fn wake(&self) {
            drop((&self.0).write_all(&[1]));
        }
    }

    impl WakeReceiver {
        /// What the event loop watches.
        pub fn descriptor(&self) -> i32 {
            self.0.as_raw_fd()
        }

        /// Takes the wake-ups back.
        pub fn clear(&self) {
            drop((&self.0).read(&mut [0; 8]));
        }
    }
}

/// Event loops on Windows don't all watch sockets; `call_soon_threadsafe` wakes them.
#[cfg(not(unix))]
mod unwatched {
    use std::convert::Infallible;
    use std::io;

    pub struct WakeSender(Infallible);

    pub struct WakeReceiver(Infallible);

    pub fn wake_pair() -> io::Result<Option<(WakeSender, WakeReceiver)>> {
        Ok(None)
    }

    impl WakeSender {
        pub fn wake(&self) {
            match self.0 {}
        }
    }

    impl WakeReceiver {
        pub fn descriptor(&self) -> i32 {
            match self.0 {}
        }

        pub fn clear(&self) {
            match self.0 {}
        }
    }
}
