//! An input by its path, or as a stream of bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use personcert::Result;

use super::csv::Csv;
use super::jsonl::JsonLines;
use super::record::Source;
use super::sniff::{self, Format};
use super::text::{Input, TextReader};
use crate::columns::input_error;
use crate::options::BulkOptions;

/// A file that must not change while it is read.
struct UnchangedFile {
    file: File,
    version: Option<(u64, SystemTime)>,
}

/// Opens the input at `path`; `-` is standard input. A named pipe is read as a stream.
pub fn open(path: &Path, options: &BulkOptions) -> Result<Box<dyn Source>> {
    let at_path = |why: &dyn std::fmt::Display| input_error(format!("{}: {why}", path.display()));
    if path.as_os_str() == "-" {
        return read(Box::new(io::stdin()), options);
    }
    if path.is_dir() {
        return Err(at_path(&"is a folder; give a file"));
    }
    let file = File::open(path).map_err(|error| at_path(&error))?;
    let version = version(&file);
    read(Box::new(UnchangedFile { file, version }), options).map_err(|error| match error.details.parameter {
        Some(_) => error,
        None => at_path(&error.message),
    })
}

/// Reads an input of unknown form: CSV or JSON Lines, as its first character says.
pub fn read(input: Input, options: &BulkOptions) -> Result<Box<dyn Source>> {
    let mut reader = TextReader::new(input, options.encoding.as_deref())?;
    let mut text = Vec::new();
    while text.trim_ascii().is_empty() && reader.fill(&mut text)? {}
    if text.trim_ascii().is_empty() {
        return Err(input_error("the input is empty; it needs at least a header"));
    }
    Ok(match sniff::format(&text)? {
        Format::Csv => Box::new(Csv::new(reader, text, options.delimiter.as_deref())?),
        Format::JsonLines => Box::new(JsonLines::new(reader, text)),
    })
}

/// Size and time of the last change of a regular file; none for a pipe or a device.
fn version(file: &File) -> Option<(u64, SystemTime)> {
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((about.len(), about.modified().ok()?))
}

impl Read for UnchangedFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        if count == 0 && !bytes.is_empty() && version(&self.file) != self.version {
            return Err(io::Error::other("it changed while it was read; run again"));
        }
        Ok(count)
    }
}
