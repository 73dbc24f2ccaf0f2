//! The handle on a running job: pause, resume, rate, cancellation, progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::outcome::Counts;

/// Steers a job from other tasks and threads. Clones steer the same job.
#[derive(Clone, Debug)]
pub struct Control {
    commands: Arc<watch::Sender<Commands>>,
    progress: Arc<Mutex<Progress>>,
}

/// What a job was told up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Commands {
    pub(crate) is_paused: bool,
    /// Nothing new is sent.
    pub(crate) is_cancelled: bool,
    /// Responses are not awaited either.
    pub(crate) is_aborted: bool,
    /// The most steps a second; none when the job keeps its own limit.
    pub(crate) max_rate: Option<f64>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// The final states up to now.
    pub counts: Counts,
    /// The rows done a second, over the last seconds.
    pub rate: f64,
    /// The part of the latest steps that the service refused with 429 or 503, from 0 to 1.
    pub refused: f64,
    /// When the job will probably be done, from now; none before that can be estimated.
    pub remaining: Option<Duration>,
    /// The batches that were answered, or lost, in this run.
    pub requests: u64,
    /// The batch steps that the service refused in this run with 429 or 503.
    pub throttled: u64,
    /// Whether the job pauses.
    pub is_paused: bool,
}

impl Progress {
    /// The rows with a final state.
    pub const fn done(&self) -> u64 {
        self.counts.rows - self.counts.not_attempted()
    }

    /// The part of the rows that is done, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    pub fn fraction(&self) -> f64 {
        if self.counts.rows == 0 { 1.0 } else { self.done() as f64 / self.counts.rows as f64 }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self { commands: Arc::new(watch::Sender::new(Commands::default())), progress: Arc::default() }
    }
}

impl Control {
    /// Ends the job: what is in flight is finished, nothing new is sent, and the job can be resumed. The second call no
    /// longer waits for responses; what was in flight is unknown then, until the job is resumed.
    pub fn cancel(&self) {
        self.commands.send_modify(|commands| {
            commands.is_aborted = commands.is_cancelled;
            commands.is_cancelled = true;
        });
    }

    /// Sends nothing new until [`Control::resume`].
    pub fn pause(&self) {
        self.commands.send_modify(|commands| commands.is_paused = true);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.commands.send_modify(|commands| commands.is_paused = false);
    }

    /// Sets the most rows a second, from now on.
    pub fn set_max_rate(&self, max_rate: f64) {
        self.commands.send_modify(|commands| commands.max_rate = Some(max_rate));
    }

    /// How far the job is.
    pub fn progress(&self) -> Progress {
        *self.lock()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Commands> {
        self.commands.subscribe()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
