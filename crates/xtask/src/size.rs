//! The sizes of the packages, and what they consist of.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::run::{Result, command, output};
use crate::setup::Packages;

const MAX_PACKAGE_BYTES: u64 = 6_000_000;
const LISTED_CONTRIBUTORS: usize = 10;

/// Prints the largest contributors and both sizes, and fails when a package is too large.
pub fn check(packages: &Packages) -> Result {
    println!("  largest contributors to the Node module, uncompressed, by the crate of each symbol:");
    for (name, bytes) in contributors(&packages.unstripped)?.into_iter().take(LISTED_CONTRIBUTORS) {
        println!("  {:>8} kB  {name}", bytes / 1000);
    }
    let mut too_large = Vec::new();
    for path in [&packages.wheel, &packages.tarball] {
        let bytes = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
        let name = path.file_name().unwrap_or_default().display().to_string();
        println!("  {name}: {}", megabytes(bytes));
        if bytes > MAX_PACKAGE_BYTES {
            too_large.push(format!("{name} has {}; the limit is {}", megabytes(bytes), megabytes(MAX_PACKAGE_BYTES)));
        }
    }
    if too_large.is_empty() { Ok(()) } else { Err(too_large.join("\n")) }
}

fn megabytes(bytes: u64) -> String {
    let hundredths = bytes.div_ceil(10_000);
    format!("{}.{:02} MB", hundredths / 100, hundredths % 100)
}

/// The crates in an unstripped module with the bytes of their symbols, largest first. Generic code counts for the crate that
/// its name begins with.
fn contributors(module: &Path) -> Result<Vec<(String, u64)>> {
    let symbols = output(command("nm", &["--print-size", "--demangle"]).arg(module))?;
    let mut sizes: HashMap<String, u64> = HashMap::new();
    for line in symbols.lines() {
        let mut columns = line.splitn(4, ' ');
        let (Some(_), Some(size), Some(_), Some(symbol)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        if let Ok(bytes) = u64::from_str_radix(size, 16) {
            *sizes.entry(crate_of(symbol)).or_default() += bytes;
        }
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    Ok(sizes)
}

/// The crate that a demangled name begins with, such as `hyper` for `<hyper::Body as core::fmt::Debug>::fmt`.
fn crate_of(symbol: &str) -> String {
    if symbol.starts_with("sqlite3") {
        return "sqlite3".into();
    }
    let Some((before, _)) = symbol.split_once("::") else { return "C, assembly and constants".into() };
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |index| index + 1);
    before[start..].into()
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn a_symbol_belongs_to_the_crate_that_its_name_begins_with() {
        let symbols = [
            ("hyper::proto::h1::dispatch", "hyper"),
            ("<hyper_util::rt::TokioIo<T> as hyper::rt::Read>::poll_read", "hyper_util"),
            ("<&personcert::Error as core::fmt::Debug>::fmt", "personcert"),
            ("sqlite3VdbeExec", "sqlite3"),
            ("ecp_nistz256_precomputed", "C, assembly and constants"),
        ];
        for (symbol, expected) in symbols {
            assert_eq!(crate_of(symbol), expected);
        }
    }
}
