//! The Rust crate as a front end.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use personcert::host::{self, Dialect, Output};
use personcert::{Client, Config, Error, Result};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::case::{self, Call, CallResult, Case};

pub struct Api {
    runtime: Runtime,
    log: Log,
}

/// All tracing output of this process, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut log) = self.0.lock() {
            log.push_str(&String::from_utf8_lossy(bytes));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Api {
    pub fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
        tracing::subscriber::set_global_default(subscriber.finish()).map_err(|error| error.to_string())?;
        Ok(Self { runtime: runtime.map_err(|error| error.to_string())?, log })
    }

    /// Makes the case's call; fails when a secret is logged or part of the error.
    pub fn call(&self, case: &Case, settings: &Value) -> Result<CallResult, String> {
        let members = settings.as_object().ok_or("the settings are not an object")?;
        let result = self.runtime.block_on(call(&case.call, members));
        let mut log = std::mem::take(&mut *self.log.0.lock().map_err(|error| error.to_string())?);
        if let Err(error) = &result {
            let _ = write!(log, "{error} {error:?} {:?}", std::error::Error::source(error));
        }
        if case::secrets(settings).any(|secret| log.contains(secret)) {
            return Err("a secret is in the log or in the error".into());
        }
        if !case.server.is_empty() && !log.contains("client_request_id") {
            return Err("the request was not logged".into());
        }
        Ok(match result {
            Ok(value) => CallResult::Value(value),
            Err(error) => CallResult::Error(attributes(&error)),
        })
    }
}

async fn call(call: &Call, settings: &Map<String, Value>) -> Result<Value> {
    let client = Client::new(&Config::read(settings, Dialect::GRAPH)?)?;
    if call.operation == "batch" {
        return super::batch::call(&client, &call.arguments).await;
    }
    let call = host::Call::read(&call.operation, &call.arguments, Dialect::GRAPH)?;
    match client.call(call).await? {
        Output::Pages(mut pages) => {
            let mut all = Vec::new();
            while let Some(page) = pages.next().await? {
                all.extend(page.into_iter().map(|certification| json!(certification)));
            }
            Ok(Value::Array(all))
        }
        output => Ok(output.to_value()),
    }
}

pub fn attributes(error: &Error) -> Value {
    let mut attributes = error.attributes(Dialect::GRAPH);
    attributes.insert("message".into(), json!(error.to_string()));
    Value::Object(attributes)
}
