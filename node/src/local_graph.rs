//! The local Graph, on a thread of its own.

use std::sync::{Arc, OnceLock};

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use personcert::Error;
use personcert::host::CopyLimits;
use personcert_local::Options;
use serde_json::Value;

use crate::bridge;
use crate::promise::{TextPromise, blocking};

/// A local Graph, which `start` starts.
#[napi]
#[derive(Clone)]
pub struct LocalGraph {
    graph: Arc<OnceLock<personcert_local::LocalGraph>>,
}

#[napi]
impl LocalGraph {
    /// Makes one that is not started yet.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript has no use for it")]
    pub fn new() -> Self {
        Self { graph: Arc::default() }
    }

    /// Starts it and promises its address.
    #[napi]
    pub fn start<'env>(&self, env: &'env Env, options: Object<'_>) -> TextPromise<'env> {
        let options = bridge::read_object(&options, CopyLimits::CALL)?;
        let graph = Arc::clone(&self.graph);
        blocking(env, move || {
            let started = personcert_local::LocalGraph::start(Options::read(&options?, bridge::DIALECT)?)?;
            Ok(graph.get_or_init(|| started).url().into())
        })
    }

    /// Runs a command by name.
    #[napi]
    pub fn command<'env>(&self, env: &'env Env, name: String, arguments: Object<'_>) -> TextPromise<'env> {
        let arguments = bridge::read_object(&arguments, CopyLimits::LOCAL_GRAPH)?;
        self.with_started(env, move |graph| graph.command_in(&name, &Value::Object(arguments?), bridge::DIALECT))
    }

    /// Stops it.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> TextPromise<'env> {
        self.with_started(env, |graph| {
            graph.close();
            Ok(Value::Null)
        })
    }
}

impl LocalGraph {
    fn with_started<'env>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&personcert_local::LocalGraph) -> Result<Value, Error> + Send + 'static,
    ) -> TextPromise<'env> {
        let graph = Arc::clone(&self.graph);
        blocking(env, move || work(graph.get().ok_or_else(|| Error::input("graph", "not started"))?))
    }
}
