//! Failures grouped by their cause.

use std::collections::HashMap;

use serde::Serialize;

use crate::outcome::RowError;

/// The most causes that a report lists.
const MAX_CAUSES: usize = 100;
/// The most rows that are named for a cause.
const MAX_EXAMPLES: usize = 5;

/// Rows that failed for the same reason.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cause {
    /// The reason; quoted values in it are left out.
    pub reason: String,
    /// The kind of the error.
    pub kind: &'static str,
    /// The column at fault.
    pub column: Option<String>,
    /// The service's error code.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Whether the same rows may succeed later.
    pub retryable: bool,
    /// How many rows.
    pub rows: u64,
    /// The first of them.
    pub examples: Vec<u64>,
}

/// The causes met up to now.
#[derive(Default)]
pub(super) struct Failures {
    causes: Vec<Cause>,
    by_key: HashMap<String, usize>,
}

impl Failures {
    /// Counts a failed row.
    pub(super) fn add(&mut self, row: u64, error: &RowError) {
        let mut cause = Cause {
            reason: without_values(&error.message),
            kind: error.kind.as_str(),
            column: error.column.clone(),
            code: error.code.clone(),
            status: error.status,
            retryable: error.retryable,
            rows: 0,
            examples: Vec::new(),
        };
        let key = |cause: &Cause| format!("{:?}", (&cause.reason, &cause.column, &cause.code, cause.status));
        let mut known = self.by_key.get(&key(&cause)).copied();
        if known.is_none() {
            if self.causes.len() >= MAX_CAUSES {
                cause = Cause { reason: "other reasons".into(), column: None, code: None, status: None, ..cause };
                known = self.by_key.get(&key(&cause)).copied();
            }
            known = known.or_else(|| {
                self.by_key.insert(key(&cause), self.causes.len());
                self.causes.push(cause);
                Some(self.causes.len() - 1)
            });
        }
        if let Some(cause) = known.and_then(|known| self.causes.get_mut(known)) {
            cause.rows += 1;
            if cause.examples.len() < MAX_EXAMPLES {
                cause.examples.push(row);
            }
        }
    }

    /// The causes, the most frequent first.
    pub(super) fn into_causes(mut self) -> Vec<Cause> {
        self.causes.sort_by_key(|cause| std::cmp::Reverse(cause.rows));
        self.causes
    }
}

/// A message whose quoted values are left out: rows with other values then have the same reason.
fn without_values(message: &str) -> String {
    let mut parts = message.split('"');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(after)) = (parts.next(), parts.next()) {
        plain.push_str("\"…\"");
        plain.push_str(after);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::without_values;

    #[test]
    fn a_reason_leaves_out_quoted_values() {
        assert_eq!(without_values(r#""31/02" is not a date; "x" neither"#), r#""…" is not a date; "…" neither"#);
        assert_eq!(without_values("not found"), "not found");
        assert_eq!(without_values("a quote \" is open"), "a quote ");
    }
}
