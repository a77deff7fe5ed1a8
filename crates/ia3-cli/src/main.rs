//! The program `ia3`: inspects, runs, trains, mixes, merges and converts (IA)³ adapters.

// `eprintln!` panics where standard error takes nothing; `output::on_stderr` does not.
#![deny(clippy::print_stderr)]

mod args;
mod commands;
mod hint;
mod machine_memory;
mod out;
mod output;
mod predictions;
mod progress;
mod ranks;
mod tensor_files;
mod text_file;
mod tokenizer;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes the allocator keep freed memory for the next tensors. If it returned the memory to the operating system, every
/// training step would take a page fault per page.
fn keep_memory() {
    /// `mi_option_purge_delay` of `mimalloc.h`, which the crate does not export. The value −1 means never.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: The function only stores a number in the allocator's table of options, and no other thread runs yet.
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
