//! The progress of long work on standard error: a bar on a terminal, nothing elsewhere.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// All bars. The one of an evaluation has a line below that of the training.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(target()));

/// A phase of a command, such as loading the base, or evaluating rows.
pub(crate) struct Progress {
    bar: ProgressBar,
    phase: &'static str,
    start: Instant,
    /// The position at which this process began.
    first: u64,
    unit: &'static str,
}

impl Progress {
    /// Work whose length is unknown: the name of the phase and the time so far.
    pub(crate) fn waiting(phase: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_style(style("{spinner} {prefix} {elapsed}"));
        let bar = BARS.add(bar.with_prefix(phase));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, phase, start: Instant::now(), first: 0, unit: "" }
    }

    /// Work of `total` units, of which an earlier run did `first`.
    pub(crate) fn of(phase: &'static str, total: usize, first: usize, unit: &'static str) -> Self {
        let bar = ProgressBar::new(total as u64).with_style(style("{prefix} {bar:24} {pos}/{len} {msg}"));
        let bar = BARS.add(bar.with_prefix(phase).with_position(first as u64));
        Self { bar, phase, start: Instant::now(), first: first as u64, unit }
    }

    /// Whether nothing is shown, because standard error is not a terminal.
    pub(crate) fn is_hidden(&self) -> bool {
        self.bar.is_hidden()
    }

    /// `position` units are done. `figures` stand before the rate and the time left.
    pub(crate) fn set(&self, position: usize, figures: &str) {
        let spent = self.start.elapsed();
        let left = left(self.first, position as u64, self.bar.length().unwrap_or(0), spent);
        let done = position as f64 - self.first as f64;
        let rate = done / spent.as_secs_f64().max(f64::MIN_POSITIVE);
        let left = left.map_or("unknown time left".into(), |left| format!("{} left", shown(left)));
        let figures = if figures.is_empty() { String::new() } else { format!("{figures}, ") };
        self.bar.set_message(format!("{figures}{rate:.1} {}/s, {left}", self.unit));
        self.bar.set_position(position as u64);
    }

    /// Runs `print`, whose lines stay above all bars.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        BARS.suspend(print)
    }
}

/// The bar disappears at the end of its phase. With `--verbose`, the time of the phase is said.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        BARS.remove(&self.bar);
        if output::is_verbose() {
            output::say(format_args!("{} took {:.2} s", self.phase, self.start.elapsed().as_secs_f64()));
        }
    }
}

/// Where bars are drawn: on standard error if that is a terminal, unless the program is to be quiet.
fn target() -> ProgressDrawTarget {
    if output::is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The time that the rest takes at the rate since this process began; `None` before its first unit.
fn left(first: u64, position: u64, total: u64, spent: Duration) -> Option<Duration> {
    let done = position.checked_sub(first).filter(|&done| done > 0)?;
    let rest = total.saturating_sub(position);
    Duration::try_from_secs_f64(spent.as_secs_f64() * rest as f64 / done as f64).ok()
}

/// A time as `7 s`, `3 min 20 s` or `5 h 2 min`.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_what_this_process_did() {
        let seconds = Duration::from_secs;
        assert_eq!(left(0, 25, 100, seconds(10)), Some(seconds(30)));
        assert_eq!(left(90, 95, 100, seconds(10)), Some(seconds(10)), "a resumed training");
        assert_eq!(left(90, 90, 100, seconds(10)), None);
        assert_eq!(left(0, 120, 100, seconds(10)), Some(seconds(0)));
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            [7, 200, 18_120].map(|s| shown(Duration::from_secs(s))),
            ["7 s", "3 min 20 s", "5 h 2 min"]
        );
    }
}
