//! JSON Lines: an object on each line. A member that is absent or empty keeps its property, null clears it.

use std::fmt;

use memchr::memchr;
use personcert::Result;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::objects::Objects;
use super::record::{Record, Source};
use super::text::TextReader;
use crate::columns::input_error;

/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A text with an object on each line.
pub(super) struct JsonLines {
    reader: TextReader,
    text: Vec<u8>,
    rest: usize,
    at_end: bool,
    objects: Objects,
}

impl JsonLines {
    /// Reads `text`, then what the reader still has.
    pub(super) fn new(reader: TextReader, text: Vec<u8>) -> Self {
        Self { reader, text, rest: 0, at_end: false, objects: Objects::default() }
    }

    /// The length of the next line, its line feed included; none after the last.
    fn next_line(&mut self) -> Result<Option<usize>> {
        loop {
            let rest = &self.text[self.rest..];
            match memchr(b'\n', rest) {
                Some(length) => return Ok(Some(length + 1)),
                None if self.at_end => return Ok((!rest.is_empty()).then_some(rest.len())),
                None if rest.len() > MAX_LINE_BYTES => {
                    let number = self.objects.number() + 1;
                    return Err(input_error(format!("row {number}: the line is longer than 1 MiB; shorten it")));
                }
                None => {
                    self.text.drain(..self.rest);
                    self.rest = 0;
                    self.at_end = !self.reader.fill(&mut self.text)?;
                }
            }
        }
    }
}

impl Source for JsonLines {
    fn advance(&mut self) -> Result<bool> {
        while let Some(length) = self.next_line()? {
            let line = self.text[self.rest..self.rest + length].trim_ascii();
            self.rest += length;
            self.objects.start(self.objects.number() + 1);
            if line.is_empty() {
                continue;
            }
            let mut reader = serde_json::Deserializer::from_slice(line);
            let read = Members(&mut self.objects).deserialize(&mut reader).and_then(|()| reader.end());
            if let Err(error) = read {
                self.objects.fail(None, format!("the line is not a JSON object ({error})"));
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn record(&self) -> Record<'_> {
        self.objects.record()
    }

    fn columns(&self) -> &[String] {
        self.objects.columns()
    }

    fn has_header(&self) -> bool {
        false
    }
}

/// Reads an object's members into the record, one by one: a member that comes twice is seen.
struct Members<'a>(&'a mut Objects);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.0.add(&name, members.next_value()?);
        }
        Ok(())
    }
}
