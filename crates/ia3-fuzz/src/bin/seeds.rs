//! Writes the seeds of every target below a folder, one folder per target, and the words of its format beside it:
//! `cargo run -p ia3-fuzz --bin seeds -- fuzz/seeds`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ia3_fuzz::{TARGETS, TOKENS, Target};

fn main() -> ExitCode {
    let Some(root) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds FOLDER");
        return ExitCode::FAILURE;
    };
    match TARGETS.iter().try_for_each(|target| write(target, &root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write into {}: {error}", root.display());
            ExitCode::FAILURE
        }
    }
}

fn write(target: &Target, root: &Path) -> std::io::Result<()> {
    let dir = root.join(target.name);
    fs::create_dir_all(&dir)?;
    let seeds = (target.seeds)();
    for (i, seed) in seeds.iter().enumerate() {
        fs::write(dir.join(format!("seed-{i:03}")), seed)?;
    }
    fs::write(root.join(format!("{}.dict", target.name)), dictionary(target))?;
    println!("{}: {} seeds", target.name, seeds.len());
    Ok(())
}

/// The words in the form of libFuzzer's dictionaries.
fn dictionary(target: &Target) -> String {
    let words = TOKENS.iter().chain(target.tokens);
    words
        .map(|word| {
            format!("\"{}\"\n", word.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>())
        })
        .collect()
}
