//! The tables.

use std::collections::BTreeMap;
use std::fmt;

use ia3::train::Quartiles;

use crate::alone;

/// Numbers by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// Ends the name of what is measured on a base in 8 bits.
pub(crate) const INT8: &str = ", int8 base";
/// The same with the head in 8 bits too.
pub(crate) const INT8_HEAD: &str = ", int8 base and head";

/// Ends the name of what PEFT's side does in batches of similar length.
pub(crate) const BY_LENGTH: &str = ", PEFT by length";

/// What was measured, by shape, in the order of the table.
#[derive(Default)]
pub(crate) struct Report {
    shapes: Vec<(String, Measured)>,
}

/// The figures of all rounds, by name.
pub(crate) type Measured = BTreeMap<String, Pairs>;

/// Ours and PEFT's of each round; PEFT's is absent for what is asked of ours alone.
#[derive(Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    peft: Vec<f64>,
}

/// Measurements in the order of the table; memory is in MB, all else is time.
const ROWS: [&str; 19] = [
    "forward",
    "forward merged",
    "8 rows, 8 adapters",
    "train step",
    "decode 32, batch 1",
    "decode 32, batch 1, int8 base",
    "decode 32, batch 1, int8 base and head",
    "decode 32, batch 4",
    "decode 32, batch 8",
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
];

impl Report {
    /// Adds a round of a part.
    pub(crate) fn add(&mut self, shape: &str, [ours, peft]: &[Figures; 2]) {
        if self.shapes.last().is_none_or(|(name, _)| name != shape) {
            self.shapes.push((shape.into(), BTreeMap::new()));
        }
        let (_, measured) = self.shapes.last_mut().expect("there is one");
        for (name, value) in ours {
            let pairs = measured.entry(name.clone()).or_default();
            pairs.ours.push(*value);
            // PEFT's float model stands beside ours in 8 bits too.
            pairs.peft.extend(peft.get(&name.replace(INT8_HEAD, "").replace(INT8, "")));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| shape | what | ours | PEFT | PEFT / ours, wall time (quartiles) | CPU time |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for (shape, measured) in &self.shapes {
            for line in ROWS.iter().filter_map(|what| row(what, measured)) {
                writeln!(f, "| {shape} | {line} |")?;
            }
        }
        let alone: Vec<String> = self.shapes.iter().flat_map(of_ours).collect();
        if !alone.is_empty() {
            writeln!(f, "\n{}\n{}", alone::HEADING, alone.join("\n"))?;
        }
        let all = || self.shapes.iter().map(|(_, measured)| measured);
        alone::of_machine(all).map_or(Ok(()), |note| writeln!(f, "\n{note}"))
    }
}

/// A shape's rows of the second table.
fn of_ours((shape, measured): &(String, Measured)) -> Vec<String> {
    alone::of(measured).iter().map(|cells| format!("| {shape} | {cells} |")).collect()
}

/// The cells of a measurement, if there is one.
fn row(what: &str, measured: &Measured) -> Option<String> {
    if let Some(pairs) = measured.get(what).filter(|_| what.ends_with(" peak")) {
        let [ours, peft] = pairs.medians();
        return Some(format!("{what} memory | {ours:.0} MB | {peft:.0} MB | {} | ", pairs.ratio()));
    }
    let wall = measured.get(&format!("{what} wall"))?;
    let cpu = measured.get(&format!("{what} cpu")).map_or(String::new(), Pairs::ratio);
    let [ours, peft] = wall.medians().map(time);
    Some(format!("{what} | {ours} | {peft} | {} | {cpu}", wall.ratio()))
}

fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.4} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}

impl Pairs {
    /// Ours and PEFT's; NaN of none.
    pub(crate) fn medians(&self) -> [f64; 2] {
        [median(&self.ours), median(&self.peft)]
    }

    /// Our figures.
    pub(crate) fn ours(&self) -> &[f64] {
        &self.ours
    }

    /// The ratio of PEFT's to ours of a round, with its quartiles.
    fn ratio(&self) -> String {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.peft).map(|(ours, peft)| peft / ours).collect();
        let q = Quartiles::of(&ratios);
        let [low, middle, high] = q.map_or([f64::NAN; 3], |q| [q.lower, q.median, q.upper]);
        format!("{} ({} – {})", number(middle), number(low), number(high))
    }
}

fn number(x: f64) -> String {
    if x < 10.0 { format!("{x:.2}") } else { format!("{x:.0}") }
}

/// NaN of no value.
pub(crate) fn median(values: &[f64]) -> f64 {
    Quartiles::of(values).map_or(f64::NAN, |q| q.median)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn figures(of: &[(&str, f64)]) -> Figures {
        of.iter().map(|(name, value)| (name.to_string(), *value)).collect()
    }

    #[test]
    fn a_ratio_is_that_of_a_round_and_what_was_not_measured_has_no_row() {
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
