//! Progress on standard error, and Ctrl-C: once to finish what is in flight, twice to stop at once.

use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use personcert::Result;
use personcert_bulk::{Control, Progress};
use tokio::runtime::Runtime;

use crate::{output, signal};

/// The time between two looks at the progress.
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows how many rows are read while the total is not known.
pub(crate) struct Counting(ProgressBar);

impl Counting {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::no_length().with_style(style("counting: {human_pos} rows"));
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self(bar)
    }

    pub(crate) fn show(&self, rows: u64) {
        self.0.set_position(rows);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A run that shows its progress and obeys signals.
pub(crate) struct Steered<'a> {
    runtime: &'a Runtime,
    control: Control,
    bar: ProgressBar,
}

impl<'a> Steered<'a> {
    pub(crate) fn new(runtime: &'a Runtime, control: Control, rows: u64) -> Self {
        let bar =
            ProgressBar::new(rows).with_style(style("{wide_bar} {percent} %  {human_pos} of {human_len} rows{msg}"));
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self { runtime, control, bar }
    }

    /// Runs `work` to its end.
    pub(crate) fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let ended = self.runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            let mut stop = Box::pin(signal::stop_requested(self.runtime));
            let mut ticks = tokio::time::interval(INTERVAL);
            let mut requests = 0;
            loop {
                tokio::select! {
                    ended = &mut work => return ended,
                    () = &mut stop => {
                        requests += 1;
                        self.control.cancel();
                        stop = Box::pin(signal::stop_requested(self.runtime));
                        if requests == 1 {
                            let note = "stopping: finishing what is in flight; press Ctrl-C again to stop at once";
                            self.bar.suspend(|| output::note(note));
                        }
                    }
                    _ = ticks.tick() => self.show(&self.control.progress()),
                }
            }
        });
        self.bar.finish_and_clear();
        ended
    }

    fn show(&self, progress: &Progress) {
        self.bar.set_position(progress.done());
        let left = progress.remaining.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
        self.bar.set_message(format!(
            "  {:.1} a second, {:.1} % refused{left}",
            progress.rate,
            progress.refused * 100.0
        ));
    }
}

/// A duration in its largest two units.
pub(crate) fn duration(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
