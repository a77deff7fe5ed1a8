//! `ia3 diff`.

use std::fmt;
use std::process::ExitCode;

use ia3::io::{AdapterDiff, AdapterFile, SiteDiff};
use ia3_guard::{escape, quote};
use serde::Serialize;

use crate::args::{Diff, Format};
use crate::output;
use crate::progress::Progress;

#[derive(Serialize)]
struct Report {
    a: String,
    b: String,
    #[serde(flatten)]
    diff: AdapterDiff,
}

/// The exit code is 1 if the adapters differ.
pub(crate) fn run(args: &Diff, format: Format) -> anyhow::Result<ExitCode> {
    let waiting = Progress::waiting("comparing");
    let diff = AdapterFile::open(&args.a)?.diff(&AdapterFile::open(&args.b)?);
    drop(waiting);
    let identical = diff.identical;
    let report = Report { a: args.a.display().to_string(), b: args.b.display().to_string(), diff };
    output::report(&report, format)?;
    Ok(if identical { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { a, b, diff } = self;
        write!(f, "a: {}\nb: {}", escape(a), escape(b))?;
        for field in &diff.config {
            let [a, b] = [&field.a, &field.b].map(|value| value.to_string());
            write!(f, "\n{}: {} in a, {} in b", quote(&field.field), quote(&a), quote(&b))?;
        }
        if !diff.sites.is_empty() {
            write!(f, "\n\n{:52} {:>6}  max|a-b| mean|a-b|   rel.L2 cos(l-1)", "site", "length")?;
            diff.sites.iter().try_for_each(|site| write_site(f, site))?;
        }
        for shape in &diff.reshaped {
            write!(f, "\n{}: {:?} in a, {:?} in b", quote(&shape.path), shape.a, shape.b)?;
        }
        for (title, paths) in [
            ("only in a", &diff.only_a),
            ("only in b", &diff.only_b),
            ("saved module that differs", &diff.saved),
        ] {
            paths.iter().try_for_each(|path| write!(f, "\n{title}: {}", quote(path)))?;
        }
        write!(f, "\n\n{}", if diff.identical { "the adapters are identical" } else { "the adapters differ" })
    }
}

fn write_site(f: &mut fmt::Formatter<'_>, site: &SiteDiff) -> fmt::Result {
    let d = &site.distance;
    write!(f, "\n{:52} {:6}", quote(&site.path), site.len)?;
    write!(f, " {:9.6} {:9.6} {:8.5} {:8.5}", d.max_abs, d.mean_abs, d.relative_l2, d.cosine)
}
