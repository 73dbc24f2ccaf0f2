//! Entering the interpreter from threads of our own, and keeping them out of it while it ends.
//!
//! Up to Python 3.13 a thread that waits for the interpreter while the interpreter ends is unwound by force. Such an
//! unwinding must not pass a Rust frame: it would abort the program and replace its exit code.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// How long the end of the program waits for a callback that is running.
const EXIT_WAIT: Duration = Duration::from_millis(500);
const EXIT_POLL: Duration = Duration::from_millis(1);

/// How many threads of ours are inside the interpreter.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The thread that ends the interpreter, once it has begun to.
static ENDING: OnceLock<ThreadId> = OnceLock::new();

struct Visit;

impl Visit {
    fn begin() -> Option<Self> {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        let visit = Self;
        let open = ENDING.get().is_none_or(|ending| *ending == thread::current().id());
        open.then_some(visit)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Calls `work` with the interpreter; none when the interpreter is ending.
pub fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _visit = Visit::begin()?;
    Python::try_attach(work)
}

/// Keeps other threads out of the interpreter from now on; `atexit` calls it.
#[pyfunction]
fn close_interpreter(py: Python<'_>) {
    ENDING.get_or_init(|| thread::current().id());
    py.detach(|| {
        let end = Instant::now() + EXIT_WAIT;
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(EXIT_POLL);
        }
    });
}

/// Registers [`close_interpreter`] with `atexit`.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let close = wrap_pyfunction!(close_interpreter, module)?;
    module.py().import("atexit")?.call_method1("register", (close,)).map(drop)
}
