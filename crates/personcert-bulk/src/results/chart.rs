//! The rate over time as an inline SVG.

use std::fmt::Write;

use super::summary::TimelinePoint;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const MARGIN: f64 = 44.0;
/// The most points of a line; more are averaged.
const MAX_POINTS: usize = 240;

/// The chart; empty if fewer than two points are known.
pub(super) fn svg(timeline: &[TimelinePoint]) -> String {
    let points = averaged(timeline);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    if points.len() < 2 {
        return String::new();
    }
    let highest = points.iter().map(|point| point.rows_per_second.max(point.throttled_per_second)).fold(1.0, f64::max);
    let length = (last.seconds - first.seconds).max(1e-3);
    let x = |seconds: f64| MARGIN + (seconds - first.seconds) / length * (WIDTH - MARGIN - 8.0);
    let y = |rate: f64| HEIGHT - MARGIN / 2.0 - rate / highest * (HEIGHT - MARGIN);
    let line = |rate: fn(&TimelinePoint) -> f64| {
        points.iter().fold(String::new(), |mut line, point| {
            let _ = write!(line, "{:.1},{:.1} ", x(point.seconds), y(rate(point)));
            line
        })
    };
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Rows and refused steps per second over time\">\
         <line x1=\"{MARGIN}\" y1=\"{0:.1}\" x2=\"{WIDTH}\" y2=\"{0:.1}\" class=\"axis\"/>\
         <text x=\"4\" y=\"{1:.1}\">{highest:.0}/s</text><text x=\"4\" y=\"{0:.1}\">0</text>\
         <text x=\"{MARGIN}\" y=\"{2:.1}\">{3:.0} s</text>\
         <text x=\"{WIDTH}\" y=\"{2:.1}\" text-anchor=\"end\">{4:.0} s</text>\
         <polyline class=\"rows\" points=\"{5}\"/><polyline class=\"refused\" points=\"{6}\"/></svg>",
        y(0.0),
        y(highest) + 4.0,
        HEIGHT - 4.0,
        first.seconds,
        last.seconds,
        line(|point| point.rows_per_second),
        line(|point| point.throttled_per_second),
    )
}

/// At most [`MAX_POINTS`] points, each the mean of its neighbours.
fn averaged(timeline: &[TimelinePoint]) -> Vec<TimelinePoint> {
    let size = timeline.len().div_ceil(MAX_POINTS).max(1);
    let mean = |chunk: &[TimelinePoint], value: fn(&TimelinePoint) -> f64| {
        #[allow(clippy::cast_precision_loss, reason = "a chunk is small")]
        let count = chunk.len() as f64;
        chunk.iter().map(value).filter(|value| value.is_finite()).sum::<f64>() / count
    };
    let point = |chunk: &[TimelinePoint]| TimelinePoint {
        seconds: mean(chunk, |point| point.seconds),
        rows_per_second: mean(chunk, |point| point.rows_per_second),
        throttled_per_second: mean(chunk, |point| point.throttled_per_second),
    };
    timeline.chunks(size).map(point).collect()
}
