//! The local Graph.

use personcert::host::CopyLimits;
use personcert_local::Options;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::bridge::{self, raise};
use crate::completion::unusable;
use crate::panic::catch;
use crate::process::ProcessLocal;

/// A local Graph on a thread of its own. The thread is the parent's; a forked child stops nothing.
#[pyclass(frozen, module = "personcert._native")]
pub struct LocalGraph(ProcessLocal<personcert_local::LocalGraph>);

impl LocalGraph {
    fn graph(&self, py: Python<'_>) -> PyResult<&personcert_local::LocalGraph> {
        self.0.get().ok_or_else(|| raise(py, &unusable("this local Graph runs in the parent process; use its `url`")))
    }
}

#[pymethods]
impl LocalGraph {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = options.py();
        catch(py, || {
            let options = bridge::read_dict(options, CopyLimits::CALL)?;
            let options = Options::read(&options, bridge::DIALECT).map_err(|error| raise(py, &error))?;
            let graph =
                py.detach(|| personcert_local::LocalGraph::start(options)).map_err(|error| raise(py, &error))?;
            Ok(Self(ProcessLocal::new(graph)))
        })
    }

    /// The root of the service, without a version.
    #[getter]
    fn url(&self, py: Python<'_>) -> PyResult<&str> {
        self.graph(py).map(personcert_local::LocalGraph::url)
    }

    /// Runs a command by name.
    fn command<'py>(&self, name: &str, arguments: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        catch(py, || {
            let arguments = Value::Object(bridge::read_dict(arguments, CopyLimits::LOCAL_GRAPH)?);
            let graph = self.graph(py)?;
            let result =
                py.detach(|| graph.command_in(name, &arguments, bridge::DIALECT)).map_err(|error| raise(py, &error))?;
            bridge::write_plain(py, &result)
        })
    }

    /// Stops the server.
    fn close(&self, py: Python<'_>) {
        if let Some(graph) = self.0.get() {
            py.detach(|| graph.close());
        }
    }
}
