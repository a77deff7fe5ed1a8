//! The first table: what this library and Python's libraries reach on the machine, by one thread and by all.

use std::fmt::Write;

use anyhow::Result;

use crate::Args;
use crate::figures::Figures;
use crate::{machine, sides};

/// Measures the limits of the machine on both sides, and returns their table.
pub(crate) fn measured(args: &Args) -> Result<String> {
    let mut threads = vec![1, args.threads];
    threads.dedup();
    let columns: Result<Vec<(usize, Figures)>> =
        threads.into_iter().map(|threads| Ok((threads, sides::machine(args, threads)?))).collect();
    Ok(table(&machine::processor(), &columns?))
}

fn table(processor: &str, columns: &[(usize, Figures)]) -> String {
    let mut text = format!("The machine: {processor}.\n\n| limit |");
    for (threads, _) in columns {
        let _ = write!(text, " {threads} {} |", if *threads == 1 { "thread" } else { "threads" });
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    for name in columns.iter().take(1).flat_map(|(_, figures)| figures.keys()) {
        let (what, unit) = name.rsplit_once(", ").unwrap_or((name, ""));
        let cells = columns.iter().filter_map(|(_, figures)| figures.get(name));
        let cells: Vec<String> = cells.map(|rate| format!("{} {unit}", number(*rate))).collect();
        let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
    }
    text
}

fn number(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    #[test]
    fn a_limit_has_a_row_and_a_number_of_threads_a_column() {
        let column = |read, product| figures(&[(machine::READ, read), (machine::PRODUCT, product)]);
        let expected = "The machine: a processor.\n\n| limit | 1 thread | 2 threads |\n|---|---|---|\n\
                        | memory, read by this program | 9.8 GB/s | 18.1 GB/s |\n\
                        | product in float32, this library | 75.0 GFLOP/s | 150 GFLOP/s |\n";
        assert_eq!(table("a processor", &[(1, column(9.81, 75.0)), (2, column(18.1, 150.2))]), expected);
    }
}
