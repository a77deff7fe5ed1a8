//! The ratios in the table that `compare` prints.

use anyhow::{Context, Result, ensure};

/// What the plot shows, by the name of the row in the table and in the plot.
const PARTS: [(&str, &str); 4] = [
    ("forward", "forward"),
    ("train step", "train step"),
    ("8 rows, 8 adapters", "8 rows under 8 adapters"),
    ("decode 32, batch 1", "decode, batch 1"),
];

/// One part of the comparison, with PEFT's time divided by ours for each model.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) models: Vec<(String, f64)>,
}

/// Reads the rows `| shape | what | ours | PEFT | ratio (quartiles) | … |` of the parts that the plot shows.
///
/// # Errors
///
/// If a part has no row, or a ratio is no number.
pub(crate) fn ratios(markdown: &str) -> Result<Vec<Part>> {
    let rows: Vec<Vec<&str>> = markdown.lines().filter(|line| line.starts_with("| ")).map(cells).collect();
    PARTS.iter().map(|&(name, title)| part(&rows, name, title)).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn part(rows: &[Vec<&str>], name: &str, title: &'static str) -> Result<Part> {
    let mut models = vec![];
    for row in rows.iter().filter(|row| row.len() == 6 && row[1] == name) {
        let ratio = row[4].split_whitespace().next().unwrap_or_default();
        let ratio = ratio.parse().with_context(|| format!("{} of {name}: {ratio:?} is no ratio", row[0]))?;
        models.push((row[0].to_string(), ratio));
    }
    ensure!(!models.is_empty(), "the table has no row {name:?}");
    Ok(Part { title, models })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_documentation_has_every_part() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
        let parts = ratios(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(parts.len(), PARTS.len());
        assert_eq!(parts[0].models[0], ("t5-small".into(), 1.03));
        assert!(parts.iter().all(|part| part.models.len() >= 3));
    }

    #[test]
    fn a_table_without_a_part_is_refused() {
        let error = ratios("| t5-small | forward | 1 ms | 2 ms | 2.00 (1 – 3) | 2.00 |").err().unwrap();
        assert_eq!(error.to_string(), "the table has no row \"train step\"");
    }
}
