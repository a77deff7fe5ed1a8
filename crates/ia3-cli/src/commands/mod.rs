//! The commands, one file or folder per command, and what they share.

mod adapted_model;
mod base_config;
mod base_folder;
mod base_model;
mod chat;
mod convert;
mod cost;
mod devices;
mod diff;
mod embed;
mod eval;
mod eval_metrics;
mod example_reader;
mod forward;
mod generate;
mod generation;
#[cfg(feature = "hub")]
mod hub_names;
#[cfg(feature = "images")]
mod images;
mod inspect;
mod merge;
mod merge_format;
mod mix;
#[cfg(feature = "hub")]
mod push;
mod quantize;
#[cfg(feature = "serve")]
mod serve;
mod shell;
#[cfg(feature = "audio")]
mod sounds;
mod status;
mod targets;
mod text_rows;
mod train;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::output;

/// Runs a command. The exit code is 0, or 1 where the answer of the command is no.
pub(crate) fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    output::set_volume(args.quiet, args.verbose);
    #[cfg(feature = "hub")]
    hub_names::fill(&mut args.command)?;
    base_folder::fill(&mut args.command)?;
    let device = || Ok::<_, anyhow::Error>(ia3::device(args.device.as_deref())?);
    match &args.command {
        Command::Inspect(inspect) => inspect::run(inspect, &device()?, args.format),
        Command::Forward(forward) => forward::run(forward, &device()?, args.format),
        Command::Embed(embed) => embed::run(embed, &device()?, args.format),
        Command::Generate(generate) => generate::run(generate, &device()?, args.format),
        Command::Chat(chat) => chat::run(chat, &device()?),
        #[cfg(feature = "serve")]
        Command::Serve(serve) => serve::run(serve, &device()?),
        Command::Train(train) => train::run(train, args.device.as_deref(), args.format),
        Command::Eval(eval) => eval::run(eval, &device()?, args.format),
        Command::Cost(cost) => cost::run(cost, &device()?, args.format),
        Command::Merge(merge) => merge::run(merge, &device()?, args.format),
        Command::Quantize(quantize) => quantize::run(quantize, &device()?, args.format),
        Command::Mix(mix) => mix::run(mix, &device()?, args.format),
        Command::Diff(diff) => diff::run(diff, args.format),
        Command::Status(status) => status::run(status, &device()?, args.format),
        #[cfg(feature = "hub")]
        Command::Push(push) => push::run(push, args.format),
        Command::Devices => {
            // A device that this build lacks is an error here as in every other command.
            args.device.as_ref().map(|_| device()).transpose()?;
            devices::run(args.format)
        }
        Command::Completions(completions) => shell::completions(completions),
        Command::Man(man) => shell::man(man),
        Command::Convert(convert) => convert::run(convert, &device()?, args.format),
    }
}
