//! Entry points for the fuzz targets; not a public API.

use crate::path::parse_path;
use crate::query::Query;
use crate::random::Random;
use crate::seed;
use crate::store::Store;

/// Reads the text of a seed file, CSV or JSON Lines, into an empty store.
pub fn seed(csv: bool, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    seed::text(&Store::open(None)?, csv, text, "2030-01-01T00:00:00Z", &mut Random::new(Some(1)))
}

/// Reads an address, and applies its query to the default certifications. Returns how many it selects.
pub fn address(text: &str) -> Option<usize> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    parse_path(path).ok()?;
    let store = Store::open(None).ok()?;
    seed::default(&store).ok()?;
    let query = Query::read(query).ok()?;
    Some(query.page(store.certifications(seed::FIRST_USER).ok()?).0.len())
}
