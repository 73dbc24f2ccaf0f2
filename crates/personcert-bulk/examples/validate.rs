//! Checks an input without sending anything: `cargo run --release --example validate -- FILE`.

use std::path::Path;
use std::time::Instant;

use personcert_bulk::spool::{RowStore as _, Spool};
use personcert_bulk::{BulkOptions, InputRules, source};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a file")?;
    let folder = tempfile::tempdir()?;
    let options = BulkOptions::default();
    let started = Instant::now();
    let mut source = source::open(Path::new(&path), &options)?;
    let rules = InputRules::new(&options, false);
    let mut spool = Spool::create(folder.path(), source.as_mut(), rules, &mut |_| Ok(()))?;
    println!("{} rows, {} invalid, checked in {:.2?}", spool.len(), spool.rejected(), started.elapsed());
    for _ in 0..10 {
        let Some(reject) = spool.next_reject()? else { break };
        println!("row {}, {}: {}", reject.number, reject.column.as_deref().unwrap_or("the row"), reject.message);
    }
    let started = Instant::now();
    let mut spool = Spool::open(folder.path())?;
    println!("reopened in {:.2?}", started.elapsed());
    let started = Instant::now();
    let (mut users, mut rows) = (0, 0);
    while let Some(user) = spool.next_user()? {
        users += 1;
        rows += user.rows.len();
    }
    println!("{rows} rows of {users} users read again in {:.2?}", started.elapsed());
    Ok(())
}
