//! Writes a plan as text.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{Display, Formatter, Result};

use ia3_guard::quote;

use crate::matcher::suffixes;
use crate::plan::{Plan, Site};
use crate::thousands::thousands;
use crate::{Placement, Selector};

/// A compact table. It lists the vectors by target and placement, and then the modules that are saved whole, excluded,
/// ignored or unmatched.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let parameters = thousands(self.trainable_parameters());
        write!(f, "{} vectors, {parameters} trainable parameters", self.sites.len())?;
        write_table(f, &rows(self))?;
        write_paths(f, "trained and saved whole", &self.modules_to_save)?;
        write_paths(f, "excluded", &self.excluded)?;
        write_paths(f, "ignored", &self.ignored)?;
        for unmatched in &self.unmatched {
            write!(f, "\nunmatched: {unmatched}")?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

const HEADER: [&str; 5] = ["target", "layers", "scales", "length", "parameters"];

struct Row {
    target: String,
    placement: Placement,
    layers: usize,
    lengths: (usize, usize),
    parameters: usize,
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let (shortest, longest) = self.lengths;
        let length = match shortest == longest {
            true => thousands(shortest),
            false => format!("{}..{}", thousands(shortest), thousands(longest)),
        };
        [
            self.target.clone(),
            thousands(self.layers),
            self.placement.to_string(),
            length,
            thousands(self.parameters),
        ]
    }
}

/// The sites grouped by target and placement, in the order of their first site.
fn rows(plan: &Plan) -> Vec<Row> {
    let (mut rows, mut places): (Vec<Row>, BTreeMap<(&str, bool), usize>) = Default::default();
    for site in &plan.sites {
        let target = label(plan, &site.path);
        match places.entry((target, site.placement == Placement::Input)) {
            Entry::Occupied(place) => add(&mut rows[*place.get()], site),
            Entry::Vacant(place) => {
                place.insert(rows.len());
                rows.push(Row {
                    target: quote(target).into_owned(),
                    placement: site.placement,
                    layers: 1,
                    lengths: (site.len, site.len),
                    parameters: site.len,
                });
            }
        }
    }
    rows
}

fn add(row: &mut Row, site: &Site) {
    row.layers += 1;
    row.lengths = (row.lengths.0.min(site.len), row.lengths.1.max(site.len));
    row.parameters += site.len;
}

/// The label of a row: the target name that selected the path, or the last segment of the path if the target is a full path
/// or a pattern.
fn label<'p>(plan: &Plan, path: &'p str) -> &'p str {
    let shortest = suffixes(path).filter(|suffix| match &plan.config.target_modules {
        Some(Selector::Names(names)) => names.contains(*suffix),
        _ => false,
    });
    shortest.last().filter(|suffix| *suffix != path).unwrap_or(last_segment(path))
}

fn write_table(f: &mut Formatter<'_>, rows: &[Row]) -> Result {
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let header = HEADER.map(str::to_owned);
    let lines = || std::iter::once(&header).chain(&cells);
    let widths: [usize; 5] =
        std::array::from_fn(|column| lines().map(|line| line[column].len()).max().unwrap_or_default());
    for [target, layers, scales, length, parameters] in lines() {
        write!(f, "\n  {target:<0$}  {layers:>1$}", widths[0], widths[1])?;
        write!(f, "  {scales:<0$}  {length:>1$}", widths[2], widths[3])?;
        write!(f, "  {parameters:>0$}", widths[4])?;
    }
    Ok(())
}

/// Writes how many paths end in each segment, as in `q (6), wi_0 (2)`.
fn write_paths(f: &mut Formatter<'_>, title: &str, paths: &[String]) -> Result {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in paths {
        *counts.entry(last_segment(path)).or_default() += 1;
    }
    for (index, (name, count)) in counts.iter().enumerate() {
        match index {
            0 => write!(f, "\n{title}: {} ({count})", quote(name))?,
            _ => write!(f, ", {} ({count})", quote(name))?,
        }
    }
    Ok(())
}

fn last_segment(path: &str) -> &str {
    suffixes(path).last().unwrap_or(path)
}
