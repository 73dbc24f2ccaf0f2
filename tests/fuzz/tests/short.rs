//! Runs every target on its corpus and on small changes of it, deterministically.

use std::path::Path;

use personcert_fuzz::TARGETS;

/// The number of changed inputs for each target.
const CHANGED: u32 = 5_000;

/// A deterministic random number generator (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).expect("a small number")
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).expect(target).map(|entry| entry.expect(target).path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect(target)).collect()
}

/// Pieces that break parsers.
const PIECES: [&[u8]; 12] =
    [b"null", b"\"", b"{", b"]", b"\\u0000", b"\xff", b"-", b"1e999", b"../", b"%2e", b"\r\n", "\u{202e}".as_bytes()];

fn change(numbers: &mut Numbers, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut data = corpus[numbers.next(corpus.len())].clone();
    for _ in 0..=numbers.next(4) {
        let at = numbers.next(data.len() + 1);
        match numbers.next(4) {
            0 => drop(data.splice(at..at, PIECES[numbers.next(PIECES.len())].iter().copied())),
            1 => data.truncate(at),
            2 if at < data.len() => data[at] = u8::try_from(numbers.next(256)).expect("a byte"),
            _ => {
                let other = &corpus[numbers.next(corpus.len())];
                let from = numbers.next(other.len() + 1);
                drop(data.splice(at.., other[from..].iter().copied()));
            }
        }
    }
    data
}

#[test]
fn every_target_holds_on_its_corpus_and_on_changed_inputs() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for data in &corpus {
            target(data);
        }
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for _ in 0..CHANGED {
            target(&change(&mut numbers, &corpus));
        }
    }
}
