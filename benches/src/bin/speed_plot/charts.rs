//! The plots, by the question that each answers, and what they take from the tables that `compare` prints.

use anyhow::{Result, ensure};

use crate::table::{Row, rows};

/// A plot with groups of bars.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) axis: &'static str,
    /// A value that a line marks.
    pub(crate) mark: Option<f64>,
    pub(crate) groups: Vec<Group>,
}

/// A part of the measurements, with a bar for each model.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) bars: Vec<Bar>,
}

/// A bar, and the bar of the other side behind it.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) behind: Option<f64>,
    pub(crate) text: String,
}

/// A row of the tables, and the title of its group.
type Part = (&'static str, &'static str);

const SPEED: [Part; 4] = [
    ("forward", "forward"),
    ("train step", "train step"),
    ("8 rows, 8 adapters", "8 rows under 8 adapters"),
    ("decode 32, batch 1", "decode, batch 1"),
];

const LIMIT: [Part; 5] = [
    ("forward", "forward, of the rate of a large product"),
    ("train", "train step, of the same"),
    ("decode 32, batch 1", "decode, batch 1, of the memory's rate"),
    ("decode 32, batch 1, int8 base and head, fast integers", "decode, batch 1, 8 bits, of the same"),
    ("decode 32, batch 1, int4 base and head, fast integers", "decode, batch 1, 4 bits, of the same"),
];

const MEMORY: [Part; 3] = [("forward", "forward"), ("train", "train"), ("decode", "decode")];

const RATIO: &str = "PEFT / ours, wall time (quartiles)";

/// How many times faster this library is than PEFT.
///
/// # Errors
///
/// If a part has no row, or a row no number; the same holds for the other plots.
pub(crate) fn speed(page: &str) -> Result<Chart> {
    let bar = |row: &Row, name| {
        let ratio = row.number(RATIO)?;
        Ok(Bar { name, value: ratio, behind: None, text: format!("{ratio:.2}") })
    };
    Ok(Chart {
        title: "How many times faster than PEFT on the CPU",
        axis: "time of PEFT / time of ia3 (the line at 1 is PEFT)",
        mark: Some(1.0),
        groups: groups(&rows(page, &["shape", "what", RATIO]), &SPEED, |what| what, bar)?,
    })
}

/// The share of what the machine can do.
pub(crate) fn limit(page: &str) -> Result<Chart> {
    let bar = |row: &Row, name| {
        let share = row.number("share")?;
        Ok(Bar { name, value: share, behind: None, text: format!("{share:.0} %") })
    };
    Ok(Chart {
        title: "Share of the machine's rate that ia3 reaches on the CPU",
        axis: "% (the line at 100 is the rate of the machine)",
        mark: Some(100.0),
        groups: groups(&rows(page, &["shape", "what", "reached", "share"]), &LIMIT, without_work, bar)?,
    })
}

/// The peak memory of this library and of PEFT.
pub(crate) fn memory(page: &str) -> Result<Chart> {
    let bar = |row: &Row, name| {
        let (value, theirs) = (row.number("ours")?, row.number("PEFT")?);
        Ok(Bar { name, value, behind: Some(theirs), text: format!("{value:.0}, PEFT {theirs:.0}") })
    };
    Ok(Chart {
        title: "Peak memory beside PEFT on the CPU",
        axis: "MB (dark: ia3, light: PEFT)",
        mark: None,
        groups: groups(&rows(page, &["shape", "what", "ours", "PEFT"]), &MEMORY, of_memory, bar)?,
    })
}

/// The name of a row without `, 55 GFLOP in products` or `, 154 MB of weights, 7.67 ms per token`.
fn without_work(what: &str) -> &str {
    let end = [" GFLOP in products", " MB of weights"].iter().find_map(|unit| what.find(unit));
    end.and_then(|end| what[..end].rsplit_once(", ")).map_or(what, |(name, _)| name)
}

/// The name of a row of the memory; empty for others.
fn of_memory(what: &str) -> &str {
    what.strip_suffix(" peak memory").unwrap_or_default()
}

/// The rows of each part, on a base in float32 and on one in bfloat16.
fn groups(
    rows: &[Row],
    parts: &[Part],
    name: impl Fn(&str) -> &str,
    bar: impl Fn(&Row, String) -> Result<Bar>,
) -> Result<Vec<Group>> {
    let group = |&(part, title): &Part| {
        let mut bars = vec![];
        for row in rows {
            let variant = name(row.cell("what")).strip_prefix(part);
            if let Some(variant @ ("" | ", bfloat16 base")) = variant {
                bars.push(bar(row, format!("{}{variant}", row.cell("shape")))?);
            }
        }
        ensure!(!bars.is_empty(), "the tables have no row {part:?} for the plot");
        Ok(Group { title, bars })
    };
    parts.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| shape | what | ours | PEFT | PEFT / ours, wall time (quartiles) | CPU time |
|---|---|---|---|---|---|
| gpt2 | forward | 543 ms | 863 ms | 1.59 (1.57 – 1.60) | 1.57 (1.54 – 1.60) |
| gpt2 | forward, bfloat16 base | 100 ms | 200 ms | 2.00 (2.00 – 2.00) | 2.00 |
| gpt2 | forward merged | 1 ms | 5 ms | 5.00 (5.00 – 5.00) | 5.00 |
| gpt2 | train step | 1 ms | 2 ms | 1.21 (1.13 – 1.30) | 1.33 |
| gpt2 | 8 rows, 8 adapters | 1 ms | 2 ms | 12 (11 – 13) | 1.76 |
| gpt2 | decode 32, batch 1 | 1 ms | 2 ms | 0.88 (0.80 – 0.90) | 1.83 |
| gpt2 | forward peak memory | 661 MB | 1538 MB | 2.33 (2.31 – 2.34) |  |
| gpt2 | train peak memory | 1034 MB | 2313 MB | 2.24 (2.20 – 2.27) |  |
| gpt2 | decode, bfloat16 base peak memory | 391 MB | 1556 MB | 3.98 |  |

| shape | what | ours | llama.cpp | file | llama.cpp / ours, wall time (quartiles) |
|---|---|---|---|---|---|
| smollm2-135m | decode 32, batch 1 | 1 ms | 2 ms | F32 | 2.00 (2.00 – 2.00) |

| shape | what | reached | of | share |
|---|---|---|---|---|
| gpt2 | forward, 126 GFLOP in products | 233 GFLOP/s | 313 GFLOP/s | 74 % |
| gpt2 | train, bfloat16 base, 253 GFLOP in products | 187 GFLOP/s | 313 GFLOP/s | 60 % |
| gpt2 | 8 rows, 8 adapters | 0.993 (0.991 – 0.994) | the time under one adapter |  |
| gpt2 | decode 32, batch 1, 495 MB of weights, 25.36 ms per token | 19.5 GB/s | 26.6 GB/s | 73 % |
| gpt2 | decode 32, batch 1, int8 base and head, fast integers, 132 MB of weights, 8 ms per token | 16 GB/s | 26 GB/s | 62 % |
| gpt2 | decode 32, batch 1, int4 base and head, fast integers, 70 MB of weights, 5 ms per token | 13 GB/s | 26 GB/s | 50 % |
";

    fn bars(chart: &Chart) -> Vec<Vec<String>> {
        let text = |bar: &Bar| format!("{} {}", bar.name, bar.text);
        chart.groups.iter().map(|group| group.bars.iter().map(text).collect()).collect()
    }

    #[test]
    fn every_plot_has_the_rows_of_its_table() {
        let chart = speed(PAGE).unwrap();
        let forward = ["gpt2 1.59", "gpt2, bfloat16 base 2.00"];
        assert_eq!(
            bars(&chart),
            [&forward[..], &["gpt2 1.21"], &["gpt2 12.00"], &["gpt2 0.88"]].map(<[&str]>::to_vec)
        );
        let shares = ["gpt2 74 %", "gpt2, bfloat16 base 60 %", "gpt2 73 %", "gpt2 62 %", "gpt2 50 %"];
        assert_eq!(bars(&limit(PAGE).unwrap()), shares.map(|share| vec![share]));
        let chart = memory(PAGE).unwrap();
        let texts = ["gpt2 661, PEFT 1538", "gpt2 1034, PEFT 2313", "gpt2, bfloat16 base 391, PEFT 1556"];
        assert_eq!(bars(&chart), texts.map(|text| vec![text]));
        assert_eq!(chart.groups[0].bars[0].behind, Some(1538.0));
    }

    #[test]
    fn the_tables_of_the_documentation_have_every_part() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
        let page = std::fs::read_to_string(path).unwrap();
        for chart in [speed(&page), limit(&page), memory(&page)] {
            assert!(chart.unwrap().groups.iter().all(|group| group.bars.len() >= 3));
        }
    }

    #[test]
    fn tables_without_a_part_or_a_number_are_refused() {
        let error = |chart: Result<Chart>| chart.err().unwrap().to_string();
        let without = PAGE.replace("train step", "other");
        assert_eq!(error(speed(&without)), "the tables have no row \"train step\" for the plot");
        assert!(error(limit("")).contains("no row \"forward\""));
        assert!(error(memory(&PAGE.replace("661 MB", "NaN MB"))).contains("\"NaN\" in the column \"ours\""));
    }
}
