//! The table.

use std::collections::BTreeMap;
use std::fmt;

use ia3::train::Quartiles;

use crate::measure;

/// Numbers by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What was measured, by shape, in the order of the table.
#[derive(Default)]
pub(crate) struct Report {
    shapes: Vec<(String, BTreeMap<String, Pairs>)>,
}

/// Ours and PEFT's of each round; PEFT's is absent for what is asked of ours alone.
#[derive(Default)]
struct Pairs {
    ours: Vec<f64>,
    peft: Vec<f64>,
}

/// Measurements in the order of the table.
const ROWS: [&str; 12] = [
    "forward",
    "forward merged",
    "train step",
    "decode 32, batch 1",
    "decode 32, batch 1, int8 base",
    "decode 32, batch 4",
    "decode 32, batch 8",
    "load adapter",
    "switch",
    "merge",
    "start to first token",
    "peak",
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
            pairs.peft.extend(peft.get(&name.replace(measure::INT8, "")));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| shape | what | ours | PEFT | PEFT / ours, wall time (quartiles) | CPU time |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for (shape, measured) in &self.shapes {
            for what in ROWS {
                row(f, shape, what, measured)?;
            }
        }
        for (shape, measured) in &self.shapes {
            share(f, shape, "forward", measured)?;
            share(f, shape, "train", measured)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter, shape: &str, what: &str, measured: &BTreeMap<String, Pairs>) -> fmt::Result {
    if what == "peak" {
        for name in ["forward peak", "train peak"] {
            if let Some(pairs) = measured.get(name) {
                let (ours, peft, ratio) = pairs.summary();
                writeln!(f, "| {shape} | {name} memory | {ours:.0} MB | {peft:.0} MB | {ratio} | |")?;
            }
        }
        return Ok(());
    }
    let Some(wall) = measured.get(&format!("{what} wall")) else { return Ok(()) };
    let (ours, peft, ratio) = wall.summary();
    let cpu = measured.get(&format!("{what} cpu")).map_or(String::new(), |cpu| cpu.summary().2);
    writeln!(f, "| {shape} | {what} | {} | {} | {ratio} | {cpu} |", time(ours), time(peft))
}

/// The share of the machine's GEMM rate that ours reaches.
fn share(f: &mut fmt::Formatter, shape: &str, what: &str, measured: &BTreeMap<String, Pairs>) -> fmt::Result {
    let time = if what == "train" { "train step wall" } else { "forward wall" };
    let all = [&format!("{what} GFLOP"), time, "GEMM GFLOP/s"].map(|name| measured.get(name));
    let [Some(work), Some(wall), Some(rate)] = all.map(|pairs| pairs.map(|p| median(&p.ours))) else {
        return Ok(());
    };
    let reached = work / wall * 1e3;
    writeln!(
        f,
        "\n{shape}, {what}: {work:.0} GFLOP in products, {reached:.0} GFLOP/s, {:.0} % of a large product's {rate:.0} GFLOP/s.",
        100.0 * reached / rate
    )
}

fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.4} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

impl Pairs {
    /// The medians and the ratio of PEFT's to ours with its quartiles.
    fn summary(&self) -> (f64, f64, String) {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.peft).map(|(ours, peft)| peft / ours).collect();
        let q = Quartiles::of(&ratios);
        let [low, middle, high] = q.map_or([f64::NAN; 3], |q| [q.lower, q.median, q.upper]);
        let ratio = format!("{} ({} – {})", number(middle), number(low), number(high));
        (median(&self.ours), median(&self.peft), ratio)
    }
}

fn number(x: f64) -> String {
    if x < 10.0 { format!("{x:.2}") } else { format!("{x:.0}") }
}

/// NaN of no value.
pub(crate) fn median(values: &[f64]) -> f64 {
    Quartiles::of(values).map_or(f64::NAN, |q| q.median)
}
