//! The tables of a Markdown page.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// A row of a table: its cells by the heading of their column.
pub(crate) struct Row<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Row<'a> {
    /// The cell of a column; empty where the table has no such column.
    pub(crate) fn cell(&self, column: &str) -> &'a str {
        self.0.get(column).copied().unwrap_or_default()
    }

    /// The number that a cell begins with.
    ///
    /// # Errors
    ///
    /// If the cell does not begin with a finite number that is not negative.
    pub(crate) fn number(&self, column: &str) -> Result<f64> {
        let first = self.cell(column).split_whitespace().next().unwrap_or_default();
        let number = first.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        let (shape, what) = (self.cell("shape"), self.cell("what"));
        number.with_context(|| format!("{shape}, {what}: {first:?} in the column {column:?} is no number"))
    }
}

/// The rows of all tables that have the columns.
pub(crate) fn rows<'a>(markdown: &'a str, columns: &[&str]) -> Vec<Row<'a>> {
    let lines: Vec<&str> = markdown.lines().collect();
    let tables = lines.split(|line| !line.starts_with('|'));
    let with_heading = tables.filter_map(|table| Some((cells(table.first()?), table.get(2..)?)));
    with_heading
        .filter(|(heading, _)| columns.iter().all(|column| heading.contains(column)))
        .flat_map(|(heading, rows)| {
            let row = |line: &&'a str| Row(heading.iter().copied().zip(cells(line)).collect());
            rows.iter().map(row).collect::<Vec<_>>()
        })
        .collect()
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.strip_prefix('|').unwrap_or(line);
    line.strip_suffix('|').unwrap_or(line).split('|').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Text\n\n| a | shape |\n|---|---|\n| 1 | x |\n\n| shape | what | share |\n|---|---|---|\n\
                        | x | forward | 58 % |\n| y | train |  |\nText\n| shape |\n";

    #[test]
    fn rows_come_from_the_tables_that_have_the_columns() {
        let found = rows(PAGE, &["shape", "share"]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].cell("what"), found[0].cell("other")), ("forward", ""));
        assert_eq!(found[0].number("share").unwrap(), 58.0);
        assert_eq!(rows(PAGE, &["shape"]).len(), 3);
        assert!(rows(PAGE, &["PEFT"]).is_empty());
    }

    #[test]
    fn a_cell_without_a_number_is_refused() {
        let error = rows(PAGE, &["share"])[1].number("share").unwrap_err();
        assert_eq!(error.to_string(), "y, train: \"\" in the column \"share\" is no number");
    }
}
