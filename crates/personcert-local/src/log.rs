//! The request log.

use std::collections::VecDeque;

use axum::http::{HeaderMap, header};
use personcert::options;
use serde_json::{Value, json};

use crate::path::{glob, path_of};
use crate::subject::Subject;

/// How many requests the log holds at most; the oldest are dropped.
const MAX_ENTRIES: usize = 10_000;
/// How many bytes they take at most.
const MAX_BYTES: usize = 32 << 20;
/// How much of a body is kept.
const MAX_BODY_BYTES: usize = 1 << 20;
/// What an entry takes besides its texts, roughly.
const ENTRY_BYTES: usize = 1024;

/// The requests since the last reset.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    first: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    subject: Subject,
    shown: Value,
    bytes: usize,
}

options! {
    /// The requests to return.
    pub struct LogFilter as "RequestFilter", "argument" {
        method = "method": Option<String> = None, "Only requests with this method.";
        path = "path": Option<String> = None, "Only requests with this path; `*` matches any text.";
        user = "user": Option<String> = None, "Only requests about this user.";
        status = "status": Option<u16> = None, "Only requests that got this status.";
    }
}

impl Log {
    /// Adds a request and returns the number that [`Log::finish`] takes.
    pub fn add(&mut self, shown: Value, subject: Subject) -> usize {
        let bytes = ENTRY_BYTES + text_bytes(&shown);
        self.bytes += bytes;
        self.entries.push_back(Entry { subject, shown, bytes });
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes;
            self.first += 1;
        }
        self.first + self.entries.len() - 1
    }

    /// Notes how a request ended, unless a reset emptied the log meanwhile.
    pub fn finish(&mut self, number: usize, status: Option<u16>, millis: u64) {
        let entry = number.checked_sub(self.first).and_then(|at| self.entries.get_mut(at));
        if let Some(entry) = entry {
            entry.shown["status"] = json!(status);
            entry.shown["millis"] = json!(millis);
        }
    }

    /// Drops all requests. Numbers are not reused.
    pub fn clear(&mut self) {
        self.first += self.entries.len();
        self.entries.clear();
        self.bytes = 0;
    }

    /// The requests that pass the filter.
    pub fn select(&self, filter: &LogFilter) -> Value {
        let passes = |entry: &&Entry| {
            let text = |name: &str| entry.shown[name].as_str().unwrap_or_default();
            filter.method.as_ref().is_none_or(|method| text("method").eq_ignore_ascii_case(method))
                && filter.path.as_ref().is_none_or(|path| glob(path, &path_of(text("path"))))
                && filter.user.as_ref().is_none_or(|user| entry.subject.is(user))
                && filter.status.is_none_or(|status| entry.shown["status"] == status)
        };
        self.entries.iter().filter(passes).map(|entry| entry.shown.clone()).collect()
    }
}

/// A request as the log shows it, without the token.
pub fn shown(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut texts = serde_json::Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if name == header::AUTHORIZATION { "Bearer …".into() } else { text };
        texts.insert(name.as_str().to_owned(), json!(text));
    }
    let kept = &body[..body.len().min(MAX_BODY_BYTES)];
    let mut shown = json!({
        "method": method, "path": path, "headers": texts, "body": String::from_utf8_lossy(kept),
        "status": null, "millis": null,
    });
    if kept.len() < body.len() {
        shown["truncated"] = json!(true);
    }
    shown
}

/// The bytes of all texts in an entry.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + text_bytes(value)).sum(),
        _ => 0,
    }
}
