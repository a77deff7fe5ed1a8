//! `ia3 completions` and `ia3 man`, which clap makes from the command line.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::{Args, Completions, Man};
use crate::output;

/// Prints the completions of a shell.
pub(crate) fn completions(args: &Completions) -> anyhow::Result<ExitCode> {
    let mut text = vec![];
    clap_complete::generate(args.shell, &mut Args::command(), "ia3", &mut text);
    output::raw(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a manual page for the program and one for each command.
pub(crate) fn man(args: &Man) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    clap_mangen::generate_to(Args::command(), &args.out)
        .with_context(|| format!("cannot write the pages to {}", args.out.display()))?;
    Ok(ExitCode::SUCCESS)
}
