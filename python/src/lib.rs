//! The Python package's native half: values over the boundary, calls on runtimes, errors. What is true about the
//! operations lies in the core; the words users see lie in the Python files beside this crate.

mod aio;
mod bridge;
mod local;
mod reply;
mod sync;

use pyo3::prelude::*;

/// The native half of `personcert`; its names are not for users.
#[pymodule(gil_used = false)]
mod _native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::aio::{AsyncClient, AsyncPages, Inbox};
    #[pymodule_export]
    use crate::bridge::Unread;
    #[pymodule_export]
    use crate::local::LocalGraph;
    #[pymodule_export]
    use crate::sync::{Client, Pages};

    /// Runs the command line; `args` begin with the program's name. Returns the exit code.
    #[pyfunction]
    fn main(py: Python<'_>, args: Vec<OsString>) -> i32 {
        py.detach(|| personcert_cli::run(args))
    }
}
