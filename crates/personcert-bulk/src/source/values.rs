//! Rows that a program hands over one by one: a host language iterates, this side reads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::{Map, Value};

use super::objects::Objects;
use super::record::{Record, Source};

/// How many chunks of rows may wait.
const QUEUE_CHUNKS: usize = 4;

/// The next rows, or the end of all. Without the end, the program stopped early and its rows are incomplete.
enum Message {
    Rows(Vec<Map<String, Value>>),
    End,
}

/// Takes the rows from the program.
pub struct RowSender(SyncSender<Message>);

/// The rows as a source. Members become columns as they appear; null clears, an absent member keeps.
pub struct Values {
    receiver: Receiver<Message>,
    waiting: std::vec::IntoIter<Map<String, Value>>,
    at_end: bool,
    objects: Objects,
}

impl Values {
    /// A source of rows and the sender that fills it.
    pub fn channel() -> (RowSender, Self) {
        let (sender, receiver) = sync_channel(QUEUE_CHUNKS);
        let waiting = Vec::new().into_iter();
        (RowSender(sender), Self { receiver, waiting, at_end: false, objects: Objects::default() })
    }
}

impl RowSender {
    /// Hands over rows; waits while enough of them are unread. False if the reader stopped.
    pub fn send(&self, rows: Vec<Map<String, Value>>) -> bool {
        self.0.send(Message::Rows(rows)).is_ok()
    }

    /// Says that all rows were handed over. A sender that is dropped without this fails the run.
    pub fn finish(self) {
        let _ = self.0.send(Message::End);
    }
}

impl Source for Values {
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some(row) = self.waiting.next() {
                self.objects.start(self.objects.number() + 1);
                row.into_iter().for_each(|(name, value)| self.objects.add(&name, value));
                return Ok(true);
            }
            if self.at_end {
                return Ok(false);
            }
            match self.receiver.recv() {
                Ok(Message::Rows(rows)) => self.waiting = rows.into_iter(),
                Ok(Message::End) => self.at_end = true,
                Err(_) => {
                    let why = "the rows ended early; the program that hands them over failed";
                    return Err(Error::new(ErrorKind::Cancelled, Outcome::NotSent, why));
                }
            }
        }
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
