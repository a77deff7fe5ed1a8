//! The commands, one file or folder per command, and what they share.

mod adapted_model;
mod base_config;
mod base_model;
mod convert;
mod cost;
mod devices;
mod diff;
mod embed;
mod eval;
mod example_reader;
mod forward;
mod generate;
mod inspect;
mod merge;
mod merge_gguf;
mod mix;
mod quantize;
mod status;
mod targets;
mod train;

use std::process::ExitCode;

use crate::args::{Args, Command};

/// Runs a command. The exit code is 0, or 1 where the answer of the command is no.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let device = || Ok::<_, anyhow::Error>(ia3::device(args.device.as_deref())?);
    match &args.command {
        Command::Inspect(inspect) => inspect::run(inspect, &device()?, args.format),
        Command::Forward(forward) => forward::run(forward, &device()?, args.format),
        Command::Embed(embed) => embed::run(embed, &device()?, args.format),
        Command::Generate(generate) => generate::run(generate, &device()?, args.format),
        Command::Train(train) => train::run(train, args.device.as_deref(), args.format),
        Command::Eval(eval) => eval::run(eval, &device()?, args.format),
        Command::Cost(cost) => cost::run(cost, &device()?, args.format),
        Command::Merge(merge) => merge::run(merge, &device()?, args.format),
        Command::Quantize(quantize) => quantize::run(quantize, &device()?, args.format),
        Command::Mix(mix) => mix::run(mix, &device()?, args.format),
        Command::Diff(diff) => diff::run(diff, args.format),
        Command::Status(status) => status::run(status, &device()?, args.format),
        Command::Devices => devices::run(args.format),
        Command::Convert(convert) => convert::run(convert, &device()?, args.format),
    }
}
