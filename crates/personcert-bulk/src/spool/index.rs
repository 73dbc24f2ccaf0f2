//! Where the rows of each user are: 16 bytes a row.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The places of all rows, those of a user together.
#[derive(Default)]
pub(super) struct Index {
    hasher: RandomState,
    /// A user and the place of one of their rows. The user is a hash while rows are added, then the place of their first
    /// row, so that users come in the order of the input.
    rows: Vec<(u64, u64)>,
    /// The places of the rows that failed a check.
    rejects: Vec<u64>,
}

impl Index {
    /// Adds a row of a user.
    pub(super) fn add(&mut self, user: &str, offset: u64) {
        let mut hash = self.hasher.build_hasher();
        user.chars().flat_map(char::to_lowercase).for_each(|c| hash.write_u32(c.into()));
        self.rows.push((hash.finish(), offset));
    }

    /// Adds a row that failed a check.
    pub(super) fn add_reject(&mut self, offset: u64) {
        self.rejects.push(offset);
    }

    /// Sorts the rows by user, once all are known.
    pub(super) fn finish(&mut self) {
        self.rows.sort_unstable();
        let mut first = (0, 0);
        for (user, offset) in &mut self.rows {
            if *user != first.0 || first.1 == 0 {
                first = (*user, *offset);
            }
            *user = first.1;
        }
        self.rows.sort_unstable();
    }

    /// The user and the place of the row at `position`.
    pub(super) fn row(&self, position: usize) -> Option<(u64, u64)> {
        self.rows.get(position).copied()
    }

    /// The place of the rejected row at `position`.
    pub(super) fn reject(&self, position: usize) -> Option<u64> {
        self.rejects.get(position).copied()
    }

    /// The most rows that a user has, and the place of the first of them.
    pub(super) fn largest_user(&self) -> Option<(usize, u64)> {
        self.rows.chunk_by(|a, b| a.0 == b.0).map(|rows| (rows.len(), rows[0].1)).max_by_key(|(rows, _)| *rows)
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) const fn rejects(&self) -> usize {
        self.rejects.len()
    }
}
