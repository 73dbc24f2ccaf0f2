//! Copies an input into a spool file, checking each row.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use personcert::{Error, Result, User};
use ring::digest;
use serde_json::json;

use super::format;
use super::index::Index;
use crate::columns::{Columns, input_error};
use crate::files::{NewFile, file_error, hex};
use crate::rules::InputRules;
use crate::source::Source;

/// After how many rows the progress is reported.
const PROGRESS_ROWS: u64 = 4096;

/// What was copied.
pub(super) struct Copied {
    pub columns: Columns,
    pub index: Index,
    pub hash: [u8; 32],
}

/// The file that is being written.
struct Writer<'a> {
    path: &'a Path,
    out: BufWriter<&'a std::fs::File>,
    offset: u64,
    frame: Vec<u8>,
    digest: digest::Context,
}

/// Copies all rows of `source` to a new file at `path`. `progress` gets the number of rows now and then; its error ends
/// the copy.
pub(super) fn copy(
    path: &Path,
    source: &mut dyn Source,
    rules: InputRules,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Copied> {
    let new = NewFile::create(path)?;
    let mut columns = Columns::new(rules)?;
    let mut writer = Writer::new(path, new.file()?)?;
    writer.write_rules(columns.rules())?;
    if source.has_header() {
        writer.add_columns(&mut columns, source.columns())?;
        columns.check_header()?;
    }
    let (mut index, mut payload, mut rows) = (Index::default(), Vec::new(), 0);
    while source.advance()? {
        writer.add_columns(&mut columns, source.columns())?;
        let record = source.record();
        payload.clear();
        match columns.read(&record) {
            Ok(row) => {
                format::write_row(&mut payload, &record);
                index.add(user_name(&row.user), writer.write(format::ROW, &payload)?);
            }
            Err(reject) => {
                format::write_reject(&mut payload, &reject, &record);
                format::write_row(&mut payload, &record);
                index.add_reject(writer.write(format::REJECT, &payload)?);
            }
        }
        rows += 1;
        if rows % PROGRESS_ROWS == 0 {
            progress(rows)?;
        }
    }
    progress(rows)?;
    let hash = writer.finish(&index)?;
    new.commit()?;
    index.finish();
    Ok(Copied { columns, index, hash })
}

/// The name under which a user's rows are grouped.
fn user_name(user: &User) -> &str {
    match user {
        User::Me => "me",
        User::Named(name) => name,
    }
}

impl<'a> Writer<'a> {
    fn new(path: &'a Path, file: &'a std::fs::File) -> Result<Self> {
        let mut out = BufWriter::with_capacity(64 << 10, file);
        out.write_all(format::MAGIC).map_err(|error| file_error(path, error))?;
        let offset = format::MAGIC.len() as u64;
        Ok(Self { path, out, offset, frame: Vec::new(), digest: digest::Context::new(&digest::SHA256) })
    }

    fn write_rules(&mut self, rules: &InputRules) -> Result<()> {
        let about = json!({ "version": env!("CARGO_PKG_VERSION"), "rules": rules });
        self.frame(format::RULES, about.to_string().as_bytes()).map(drop)
    }

    fn add_columns(&mut self, columns: &mut Columns, names: &[String]) -> Result<()> {
        let known = columns.names().len();
        if names.len() == known {
            return Ok(());
        }
        columns.extend(names)?;
        names[known..].iter().try_for_each(|name| self.write(format::COLUMN, name.as_bytes()).map(drop))
    }

    /// Writes a part of the content and gives its place.
    fn write(&mut self, kind: u8, payload: &[u8]) -> Result<u64> {
        let offset = self.frame(kind, payload)?;
        self.digest.update(&self.frame[4..]);
        Ok(offset)
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> Result<u64> {
        if payload.len() > format::MAX_PAYLOAD_BYTES {
            return Err(input_error("a row is larger than 16 MiB; shorten its values"));
        }
        format::write_frame(&mut self.frame, kind, payload);
        self.out.write_all(&self.frame).map_err(|error| self.error(error))?;
        let offset = self.offset;
        self.offset += self.frame.len() as u64;
        Ok(offset)
    }

    fn finish(mut self, index: &Index) -> Result<[u8; 32]> {
        let digest = self.digest.clone().finish();
        let hash: [u8; 32] = digest.as_ref().try_into().map_err(|_| self.error("SHA-256 has another length"))?;
        let end = json!({ "rows": index.rows() + index.rejects(), "rejected": index.rejects(), "sha256": hex(&hash) });
        self.frame(format::END, end.to_string().as_bytes())?;
        self.out.flush().map_err(|error| self.error(error))?;
        Ok(hash)
    }

    fn error(&self, why: impl std::fmt::Display) -> Error {
        file_error(self.path, why)
    }
}
