//! The fuzz targets: the property that each of them checks for any input.

use std::io::{Cursor, Read};

use personcert::display::{escape, escape_json};
use personcert::host::{Call, Dialect};
use personcert::schema::Verb;
use personcert::{CertificationPatch, PersonCertification, Target, User};
use personcert_bulk::{BulkOptions, Columns, InputRules, source};
use serde_json::{Map, Value};

/// A target; it panics when its property does not hold.
pub type Fuzzed = fn(&[u8]);

/// Every target with its name, which is also the name of its folder in `corpus/`.
pub const TARGETS: &[(&str, Fuzzed)] = &[
    ("error_body", error_body),
    ("batch_body", batch_body),
    ("success_body", success_body),
    ("retry_after", retry_after),
    ("patch", patch),
    ("target", target),
    ("seed", seed),
    ("token_answer", token_answer),
    ("token", token),
    ("certificate", certificate),
    ("display", display),
    ("address", address),
    ("rows", rows),
];

/// Any error body becomes a displayable error.
fn error_body(data: &[u8]) {
    let error = personcert::fuzzing::error_body(500, data);
    assert_eq!(error.details.status, Some(500));
    assert_displayable(&error.to_string());
}

/// Any body gives each step a status or none, and never more steps than were sent.
fn batch_body(data: &[u8]) {
    if let Some(statuses) = personcert::fuzzing::batch_body(data, 3) {
        assert_eq!(statuses.len(), 3);
    }
}

/// Reading loses nothing: a certification that is written and read again is the same.
fn success_body(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<PersonCertification>(data) else { return };
    let written = serde_json::to_value(&read).expect("a certification can be written");
    let again: PersonCertification = serde_json::from_value(written).expect("what was written can be read");
    assert_eq!(read, again);
}

/// A wait is a finite time.
fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (asked, now) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some(wait) = personcert::fuzzing::retry_after(asked, now) {
        assert!(wait.is_finite() && wait >= 0.0, "{wait}");
    }
}

/// A patch sends exactly the given properties.
fn patch(data: &[u8]) {
    let Ok(arguments) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    for operation in ["update", "create", "get", "list", "delete"] {
        drop(Call::read(operation, &arguments, Dialect::GRAPH));
    }
    let Ok(patch) = CertificationPatch::read(&arguments, Verb::Update, Dialect::GRAPH) else { return };
    let sent = serde_json::to_value(&patch).expect("a patch can be written");
    let sent = sent.as_object().expect("a patch is an object");
    assert_eq!(sent.len(), arguments.len());
    for (name, value) in sent {
        assert_eq!(value.is_null(), arguments[name].is_null(), "{name}");
    }
}

/// An id never reaches another path.
fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (user, id) = text.split_once('\n').unwrap_or(("", &text));
    let user = if user.is_empty() { User::Me } else { User::Named(user.to_owned()) };
    let Ok(target) = Target::new(user.clone(), id) else { return };
    let path = target.path();
    let segments = match user {
        User::Named(name) if !name.starts_with('$') => 5,
        _ => 4,
    };
    assert_eq!(path.split('/').skip(1).count(), segments, "{path}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte)), "{path}");
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."), "{path}");
}

/// Any response of a token endpoint gives a token or a displayable error.
fn token_answer(data: &[u8]) {
    for status in [200, 400] {
        match personcert::fuzzing::token_answer(status, data) {
            Ok(_) => assert_eq!(status, 200),
            Err(error) => assert_displayable(&error.to_string()),
        }
    }
}

/// Any token gives findings with displayable messages.
fn token(data: &[u8]) {
    for finding in personcert::fuzzing::token(&String::from_utf8_lossy(data)) {
        let message = finding.message;
        assert!(!message.is_empty(), "{}", finding.name);
        assert_displayable(&message);
    }
}

/// A certificate file is refused or can sign.
fn certificate(data: &[u8]) {
    if let Some(signed) = personcert::fuzzing::certificate(data) {
        assert_eq!(signed.expect("it signs").split('.').count(), 3);
    }
}

/// Displayed text is one line without control characters and does not change when displayed again. JSON keeps
/// its value.
fn display(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_displayable(&escape(&text));
    let document = serde_json::to_string(&text).expect("text is JSON");
    let shown = escape_json(&document);
    assert_displayable(&shown);
    assert_eq!(serde_json::from_str::<String>(&shown).expect("it is still JSON"), text);
}

/// The local Graph reads or refuses any address, and a query never selects more than there is.
fn address(data: &[u8]) {
    if let Some(selected) = personcert_local::fuzzing::address(&String::from_utf8_lossy(data)) {
        assert!(selected <= 1, "{selected}");
    }
}

/// Any input gives rows, rejects or an error, and the same ones in whatever pieces it arrives.
fn rows(data: &[u8]) {
    /// Gives at most this many bytes at once.
    struct Pieces(Cursor<Vec<u8>>, usize);
    impl Read for Pieces {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            let limit = bytes.len().min(self.1);
            self.0.read(&mut bytes[..limit])
        }
    }
    let read = |size| read_rows(Box::new(Pieces(Cursor::new(data.to_vec()), size)));
    assert_eq!(read(usize::MAX), read(7));
}

/// What became of an input, as text.
fn read_rows(input: source::Input) -> Result<Vec<String>, String> {
    let options = BulkOptions { ignore_extra_columns: true, ..BulkOptions::default() };
    let mut source = source::read(input, &options).map_err(|error| error.to_string())?;
    let mut columns = Columns::new(InputRules::new(&options, false)).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    while source.advance().map_err(|error| error.to_string())? {
        columns.extend(source.columns()).map_err(|error| error.to_string())?;
        rows.push(format!("{:?}", columns.read(&source.record())));
    }
    Ok(rows)
}

fn assert_displayable(text: &str) {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert!(!text.contains(is_unsafe), "{text:?}");
    assert_eq!(escape(text), text);
}

/// A seed file is read or refused.
fn seed(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    drop(personcert_local::fuzzing::seed(true, &text));
    drop(personcert_local::fuzzing::seed(false, &text));
}
