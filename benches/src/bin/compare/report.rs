//! The report: a table of both sides, and one of this library beside the limits of the machine.

use std::fmt;

use crate::figures::{ByShape, Figures, HALF, Measured, ONE_THREAD, Pairs};
use crate::{limits, products_table};

/// What was measured of this library and PEFT.
#[derive(Default)]
pub(crate) struct Report {
    shapes: ByShape,
}

/// The measurements in the order of the table. Memory is in MB; all others are times.
const ROWS: [&str; 25] = [
    "forward",
    "forward merged",
    "8 rows, 8 adapters",
    "train step",
    "decode 32, batch 1",
    "decode 32, batch 1, int8 base",
    "decode 32, batch 1, int8 base and head",
    "decode 32, batch 1, int8 base and head, fast integers",
    "decode 32, batch 1, int4 base and head, fast integers",
    "decode 32, batch 4",
    "decode 32, batch 8",
    "prompt 512",
    "prompt 512, int8 base and head, fast integers",
    "prompt 512, int4 base and head, fast integers",
    "load adapter",
    "switch",
    "merge",
    "forward 1,000 rows",
    "forward 1,000 rows, PEFT by length",
    "train 1,000 rows",
    "train 1,000 rows, PEFT by length",
    "start to first token",
    "forward peak",
    "train peak",
    "decode peak",
];

impl Report {
    /// Adds a round of a part: the figures of this library and those of PEFT.
    pub(crate) fn add(&mut self, shape: &str, figures: &[Figures; 2]) {
        self.shapes.add(shape, figures);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| shape | what | ours | PEFT | PEFT / ours, wall time (quartiles) | CPU time |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for (shape, measured) in self.shapes.iter() {
            let variants = ["", HALF, ONE_THREAD];
            let rows = ROWS.iter().flat_map(|what| variants.map(|variant| named(what, variant)));
            for line in rows.filter_map(|what| row(&what, measured)) {
                writeln!(f, "| {shape} | {line} |")?;
            }
        }
        let limits: Vec<String> = self.shapes.iter().flat_map(limits_of).collect();
        if !limits.is_empty() {
            writeln!(f, "\n{}\n{}", limits::HEADING, limits.join("\n"))?;
        }
        write!(f, "{}", products_table::table(&self.shapes))?;
        let all = || self.shapes.iter().map(|(_, measured)| measured);
        limits::of_machine(all).map_or(Ok(()), |note| writeln!(f, "\n{note}"))
    }
}

/// The name of a row: the kind of a figure comes last.
fn named(what: &str, variant: &str) -> String {
    match what.strip_suffix(" peak") {
        Some(what) => format!("{what}{variant} peak"),
        None => format!("{what}{variant}"),
    }
}

/// The rows of a shape in the second table.
fn limits_of((shape, measured): &(String, Measured)) -> Vec<String> {
    limits::of(measured).iter().map(|cells| format!("| {shape} | {cells} |")).collect()
}

/// The cells of a measurement, if it was made.
fn row(what: &str, measured: &Measured) -> Option<String> {
    if let Some(pairs) = measured.get(what).filter(|pairs| what.ends_with(" peak") && pairs.has_both()) {
        let [ours, peft] = pairs.medians();
        return Some(format!("{what} memory | {ours:.0} MB | {peft:.0} MB | {} | ", pairs.ratio()));
    }
    // Of a base in bfloat16, only this library may have been measured.
    let wall = measured.get(&format!("{what} wall")).filter(|wall| wall.has_both())?;
    let cpu = measured.get(&format!("{what} cpu")).map_or(String::new(), Pairs::ratio);
    let [ours, peft] = wall.medians().map(time);
    Some(format!("{what} | {ours} | {peft} | {} | {cpu}", wall.ratio()))
}

/// A time, with as many digits as matter.
pub(crate) fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.4} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    #[test]
    fn a_ratio_is_taken_per_round_and_what_was_not_measured_has_no_row() {
        let mut report = Report::default();
        for (ours, peft) in [(100.0, 300.0), (200.0, 200.0), (100.0, 200.0)] {
            let peft = figures(&[("forward wall", peft), ("forward cpu", 3.0), ("forward peak", 90.0)]);
            let ours = figures(&[("forward wall", ours), ("forward cpu", 2.0), ("forward peak", 30.0)]);
            report.add("gpt2", &[ours, peft]);
        }
        let ours = figures(&[("decode 32, batch 1, int8 base wall", 10.0)]);
        report.add("gpt2", &[ours, figures(&[("decode 32, batch 1 wall", 25_000.0)])]);
        let table = report.to_string();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        let expected = [
            "| gpt2 | forward | 100 ms | 200 ms | 2.00 (1.50 – 2.50) | 1.50 (1.50 – 1.50) |",
            "| gpt2 | decode 32, batch 1, int8 base | 10.0 ms | 25.00 s | 2500 (2500 – 2500) |  |",
            "| gpt2 | forward peak memory | 30 MB | 90 MB | 3.00 (3.00 – 3.00) |  |",
        ];
        assert_eq!(rows, expected);
    }
}
