mod convert;
mod cost;
mod data;
mod devices;
mod diff;
mod eval;
mod forward;
mod generate;
mod inspect;
mod labels;
mod merge;
mod mix;
mod model;
mod quantize;
mod settings;
mod status;
mod targets;
mod train;

use std::process::ExitCode;

use crate::args::{Args, Command};

/// Runs a command; the exit code is 0, or 1 where a question was answered with no.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let device = || Ok::<_, anyhow::Error>(ia3::device(args.device.as_deref())?);
    match &args.command {
        Command::Inspect(inspect) => inspect::run(inspect, &device()?, args.format),
        Command::Forward(forward) => forward::run(forward, &device()?, args.format),
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
