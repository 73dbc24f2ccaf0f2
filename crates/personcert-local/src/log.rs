//! The log of requests.

use std::collections::VecDeque;

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::{glob, path_of};
use crate::who::Who;

/// How many requests the log holds; older ones go.
const MOST: usize = 10_000;

/// The requests since the last reset.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    first: usize,
}

#[derive(Debug)]
struct Entry {
    who: Who,
    shown: Value,
}

/// Which requests are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    method: Option<String>,
    path: Option<String>,
    user: Option<String>,
    status: Option<u16>,
}

impl Log {
    /// Adds a request and gives the number that [`Log::finish`] wants.
    pub fn add(&mut self, shown: Value, who: Who) -> usize {
        self.entries.push_back(Entry { who, shown });
        if self.entries.len() > MOST {
            self.entries.pop_front();
            self.first += 1;
        }
        self.first + self.entries.len() - 1
    }

    /// Notes how a request ended. A reset may have emptied the log meanwhile.
    pub fn finish(&mut self, number: usize, status: Option<u16>, millis: u64) {
        let entry = number.checked_sub(self.first).and_then(|at| self.entries.get_mut(at));
        if let Some(entry) = entry {
            entry.shown["status"] = json!(status);
            entry.shown["millis"] = json!(millis);
        }
    }

    /// Forgets all requests, but never gives a number twice.
    pub fn clear(&mut self) {
        self.first += self.entries.len();
        self.entries.clear();
    }

    /// The requests that fit.
    pub fn select(&self, filter: &Filter) -> Value {
        let fits = |entry: &&Entry| {
            let text = |name: &str| entry.shown[name].as_str().unwrap_or_default();
            filter.method.as_ref().is_none_or(|method| text("method").eq_ignore_ascii_case(method))
                && filter.path.as_ref().is_none_or(|path| glob(path, &path_of(text("path"))))
                && filter.user.as_ref().is_none_or(|user| entry.who.is(user))
                && filter.status.is_none_or(|status| entry.shown["status"] == status)
        };
        self.entries.iter().filter(fits).map(|entry| entry.shown.clone()).collect()
    }
}

/// A request as the log shows it: without the token.
pub fn shown(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut texts = serde_json::Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if name == header::AUTHORIZATION { "Bearer …".into() } else { text };
        texts.insert(name.as_str().to_owned(), json!(text));
    }
    json!({
        "method": method, "path": path, "headers": texts, "body": String::from_utf8_lossy(body),
        "status": null, "millis": null,
    })
}
