//! The Rust crate as a front end.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use personcert::host::{Dialect, Output};
use personcert::{Client, Config, Error, Result};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::case::{self, Call, Case, Ended};

pub struct Api {
    runtime: Runtime,
    log: Log,
}

/// Everything that anybody traces, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut said) = self.0.lock() {
            said.push_str(&String::from_utf8_lossy(bytes));
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

    pub fn carry_out(&self, case: &Case, settings: &Value) -> Result<Ended, String> {
        let all = settings;
        let settings = settings.as_object().ok_or("the settings are no object")?;
        let ended = self.runtime.block_on(call(&case.call, settings));
        let mut said = std::mem::take(&mut *self.log.0.lock().map_err(|error| error.to_string())?);
        if let Err(error) = &ended {
            let _ = write!(said, "{error} {error:?} {:?}", std::error::Error::source(error));
        }
        // A token that was got by signing in begins so, as every JSON web token does.
        if case::secrets(all).chain(["eyJ"]).any(|secret| said.contains(secret)) {
            return Err("a secret was logged, or is in the error".into());
        }
        if !case.server.is_empty() && !said.contains("client_request_id") {
            return Err("nothing was logged".into());
        }
        Ok(match ended {
            Ok(value) => Ended::Value(value),
            Err(error) => Ended::Error(described(&error)),
        })
    }
}

async fn call(call: &Call, settings: &Map<String, Value>) -> Result<Value> {
    let client = Client::new(&Config::read(settings, Dialect::GRAPH)?)?;
    let call = personcert::host::Call::read(&call.operation, &call.arguments, Dialect::GRAPH)?;
    match client.call(call).await? {
        Output::Pages(mut pages) => {
            let mut all = Vec::new();
            while let Some(page) = pages.next().await? {
                all.extend(page.into_iter().map(|certification| json!(certification)));
            }
            Ok(Value::Array(all))
        }
        answer => Ok(answer.to_value()),
    }
}

fn described(error: &Error) -> Value {
    let mut attributes = error.attributes(Dialect::GRAPH);
    attributes.insert("message".into(), json!(error.to_string()));
    Value::Object(attributes)
}
