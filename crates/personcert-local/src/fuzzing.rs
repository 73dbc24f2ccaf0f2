//! Entry points for the fuzz targets; not a public API.

use crate::random::Random;
use crate::seed;
use crate::store::Store;

/// Reads the text of a seed file, CSV or JSON Lines, into an empty store.
pub fn seed(csv: bool, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    seed::text(&Store::open(None)?, csv, text, "2030-01-01T00:00:00Z", &mut Random::new(Some(1)))
}
