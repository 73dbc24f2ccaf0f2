//! Progress on standard error, and Ctrl-C: once to finish what is in flight, twice to stop at once.

use std::cell::RefCell;
use std::future::Future;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use personcert::Result;
use personcert_bulk::results::TimelinePoint;
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
    began: Instant,
    timeline: RefCell<Timeline>,
}

/// The points of the report's chart, about one a second.
#[derive(Default)]
struct Timeline {
    points: Vec<TimelinePoint>,
    /// Seconds, rows and throttled steps at the last point; an earlier run may have done rows already.
    last: Option<(f64, u64, u64)>,
}

impl<'a> Steered<'a> {
    pub(crate) fn new(runtime: &'a Runtime, control: Control, rows: u64) -> Self {
        let bar =
            ProgressBar::new(rows).with_style(style("{wide_bar} {percent} %  {human_pos} of {human_len} rows{msg}"));
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self { runtime, control, bar, began: Instant::now(), timeline: RefCell::default() }
    }

    /// How far the run came.
    pub(crate) fn progress(&self) -> Progress {
        self.control.progress()
    }

    /// The rates up to now.
    pub(crate) fn timeline(&self) -> Vec<TimelinePoint> {
        self.timeline.borrow().points.clone()
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
                    _ = ticks.tick() => self.show(&self.progress()),
                }
            }
        });
        self.bar.finish_and_clear();
        ended
    }

    fn show(&self, progress: &Progress) {
        self.timeline.borrow_mut().add(self.began.elapsed().as_secs_f64(), progress);
        self.bar.set_position(progress.done());
        let left = progress.remaining.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
        self.bar.set_message(format!(
            "  {:.1} a second, {:.1} % refused{left}",
            progress.rate,
            progress.refused * 100.0
        ));
    }
}

impl Timeline {
    /// Adds a point when a second has passed since the last.
    #[expect(clippy::cast_precision_loss, reason = "rates for display")]
    fn add(&mut self, seconds: f64, progress: &Progress) {
        let now = (seconds, progress.done(), progress.throttled);
        let (before, rows, throttled) = *self.last.get_or_insert(now);
        let passed = seconds - before;
        if passed >= 1.0 {
            self.points.push(TimelinePoint {
                seconds,
                rows_per_second: progress.done().saturating_sub(rows) as f64 / passed,
                throttled_per_second: progress.throttled.saturating_sub(throttled) as f64 / passed,
            });
            self.last = Some(now);
        }
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
