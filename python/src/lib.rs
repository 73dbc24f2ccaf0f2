//! The Python package's native half: values across the boundary, calls on runtimes, errors. The core knows the
//! operations; the Python files beside this crate hold what users read.

mod async_client;
mod blocking;
mod bridge;
mod callbacks;
mod completion;
mod completion_queue;
mod credential;
mod interpreter;
mod local;
mod panic;
mod process;
mod runtime;
mod settings;
mod wake;
mod worker;

use pyo3::prelude::*;

/// The native half of `personcert`; its names are not for users.
#[pymodule(gil_used = false)]
mod _native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::async_client::{AsyncClient, AsyncPages};
    #[pymodule_export]
    use crate::blocking::{Client, Pages};
    #[pymodule_export]
    use crate::bridge::LazyRecord;
    #[pymodule_export]
    use crate::completion_queue::CompletionQueue;
    #[pymodule_export]
    use crate::credential::TokenReply;
    #[pymodule_export]
    use crate::local::LocalGraph;

    /// Runs the command line; `args` begin with the program's name. Returns the exit code.
    #[pyfunction]
    fn main(py: Python<'_>, args: Vec<OsString>) -> i32 {
        py.detach(|| personcert_cli::run(args))
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::interpreter::register(module)
    }
}
