//! Values that belong to one process: a forked child must neither use nor drop them.

use std::process;

/// A value of the process that made it.
///
/// A forked child inherits locks that no thread will ever release, threads that do not run, and sockets and epoll
/// descriptors that the parent still uses. It leaks the value instead of dropping it.
pub struct ProcessLocal<T> {
    process: u32,
    value: Option<T>,
}

impl<T> ProcessLocal<T> {
    pub fn new(value: T) -> Self {
        Self { process: process::id(), value: Some(value) }
    }

    /// The value, unless this is a forked child.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.process == process::id())
    }

    /// The value even in a forked child, for what takes no lock of it.
    pub fn get_inherited(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value, unless this is a forked child.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut().filter(|_| self.process == process::id())
    }
}

impl<T> Drop for ProcessLocal<T> {
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget(self.value.take());
        }
    }
}
