//! The Rust crate as a front end.

use personcert::{Answer, Client, Config, Dialect, Error, Result};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::case::{Call, Case, Ended};

pub struct Api {
    runtime: Runtime,
}

impl Api {
    pub fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.map_err(|error| error.to_string())? })
    }

    pub fn carry_out(&self, case: &Case, settings: &Value) -> Result<Ended, String> {
        let settings = settings.as_object().ok_or("the settings are no object")?;
        Ok(match self.runtime.block_on(call(&case.call, settings)) {
            Ok(value) => Ended::Value(value),
            Err(error) => Ended::Error(described(&error)),
        })
    }
}

async fn call(call: &Call, settings: &Map<String, Value>) -> Result<Value> {
    let client = Client::new(&Config::read(settings, Dialect::GRAPH)?)?;
    let call = personcert::Call::read(&call.operation, &call.arguments, Dialect::GRAPH)?;
    match client.call(call).await? {
        Answer::Pages(mut pages) => {
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
