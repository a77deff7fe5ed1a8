//! `ia3`: look at, run, train, mix and merge (IA)³ adapters from the command line.

mod args;
mod commands;
mod inputs;
mod output;
mod ranks;
mod text;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps freed memory for the next tensors: giving it back takes a fault a page at every step of a training.
fn keep_memory() {
    /// `mi_option_purge_delay` in `mimalloc.h`, of which the crate has no constant; −1 is never.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

fn main() -> ExitCode {
    keep_memory();
    let args = args::Args::parse();
    match commands::run(args) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
