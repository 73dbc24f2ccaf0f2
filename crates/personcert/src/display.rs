//! How text from outside is displayed: the one place that decides which characters reach a terminal or a log.
//!
//! Names, error messages and tokens come from other parties. Their control characters could steer a terminal, their
//! direction marks could reorder a line, and their line separators could forge a second one.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` on one line: each character that is invisible, unassigned or steers the display becomes an escape such as
/// `\n` or `\u{202e}`. Everything else stays as it is.
///
/// ```
/// use personcert::display::escape;
///
/// assert_eq!(escape("Fire safety – 火災"), "Fire safety – 火災");
/// assert_eq!(escape("safe\u{1b}[2J\u{202e}"), r"safe\u{1b}[2J\u{202e}");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    replace(text, |c, out| out.extend(c.escape_default()))
}

/// A JSON document with the same characters written as JSON's own `\u` escapes: the same value, safe to print.
/// Line feeds between tokens stay.
///
/// ```
/// use personcert::display::escape_json;
///
/// assert_eq!(escape_json("{\n  \"a\": \"\u{202e}\"\n}"), "{\n  \"a\": \"\\u202e\"\n}");
/// ```
pub fn escape_json(document: &str) -> Cow<'_, str> {
    replace(document, |c, out| match c {
        // A serializer escapes line feeds within strings, so that a raw one is layout.
        '\n' => out.push(c),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    })
}

/// Gives each unsafe character of `text` to `write`; copies the others. Text without one is returned as it is.
fn replace(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let (mut out, mut copied, mut previous) = (String::new(), 0, ' ');
    for (at, c) in text.char_indices() {
        if !is_visible(c) && !joins(previous, c) {
            out.push_str(&text[copied..at]);
            write(c, &mut out);
            copied = at + c.len_utf8();
        }
        previous = c;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Whether a joiner connects letters or emoji as Persian, Indic scripts and families of emoji need it. After ASCII it
/// could only hide.
fn joins(previous: char, c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}') && !previous.is_ascii() && is_visible(previous)
}

/// Whether a character shows as itself: assigned, and neither a control nor a format character. Spaces, private use,
/// soft hyphens and the visible number signs of Arabic count as visible.
fn is_visible(c: char) -> bool {
    let is_ascii = matches!(c, ' '..='~');
    let is_space = matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
    let is_visible_format = matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{8e2}');
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}');
    is_ascii || is_space || is_visible_format || is_private || is_printable(c)
}

/// Asks the standard library's Unicode table, which `escape_debug` consults. It would also escape a combining mark at
/// the start of a text, hence the full stop before it.
fn is_printable(c: char) -> bool {
    let mut text = [b'.'; 5];
    let length = 1 + c.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..length]).is_ok_and(|text| text.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_json};

    /// Controls, direction marks, separators, invisible and unassigned characters.
    const UNSAFE: &[char] = &[
        '\0',
        '\u{1b}',
        '\n',
        '\r',
        '\t',
        '\u{7f}',
        '\u{80}',
        '\u{9b}',
        '\u{61c}',
        '\u{180e}',
        '\u{200b}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202b}',
        '\u{202c}',
        '\u{202d}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{378}',
        '\u{feff}',
        '\u{fff9}',
        '\u{ffff}',
        '\u{e0041}',
        '\u{10ffff}',
    ];

    #[test]
    fn unsafe_characters_are_escaped_and_their_value_can_be_read_back_from_json() {
        for c in UNSAFE {
            let text = format!("a{c}b");
            let shown = escape(&text);
            assert!(shown.starts_with("a\\") && shown.is_ascii() && !shown.contains(*c), "{c:?}: {shown}");
            let json = serde_json::to_string(&text).expect("JSON");
            let shown = escape_json(&json);
            assert!(shown.is_ascii() && !shown.contains(*c), "{c:?}: {shown}");
            assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
        }
    }

    #[test]
    fn every_other_text_stays_as_it_is() {
        for text in [
            "",
            "C:\\Users \"quoted\" 'it''s'",
            "Sécurité – 火災\u{3000}安全 🦺",
            "e\u{301}\u{300} combining",
            "می\u{200c}خواهم क्\u{200d}ष 👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥",
            "اللغة العربية עברית",
            "soft\u{ad}hyphen no\u{a0}break \u{e0a0}",
        ] {
            assert_eq!(escape(text), text);
            assert_eq!(escape_json(text), text);
        }
    }

    #[test]
    fn a_joiner_that_joins_nothing_is_escaped() {
        assert_eq!(escape("ad\u{200d}min"), r"ad\u{200d}min");
        assert_eq!(escape("\u{200d}"), r"\u{200d}");
        assert_eq!(escape("ی\u{200c}\u{200c}"), "ی\u{200c}\\u{200c}");
    }
}
