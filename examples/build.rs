//! Prepares the documents of the repository as doctests of this package.
//!
//! Each Rust block runs as the document shows it, in a folder of its own (`ia3_testing::enter_sandbox`). It may use `?`,
//! and the names that the blocks above it in the document define. A block of the kind `rust,no_run` is only compiled.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const ENTER: &str = "# let _folder = ia3_testing::enter_sandbox();";
const END: &str = "# Ok::<(), Box<dyn std::error::Error>>(())";

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut modules = String::new();
    for path in documents(Path::new(".."))? {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase().replace('-', "_");
        fs::write(out.join(format!("{name}.md")), prepared(&fs::read_to_string(&path)?))?;
        modules += &format!(
            "#[doc = include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.md\"))]\npub mod {name} {{}}\n"
        );
    }
    fs::write(out.join("documents.rs"), modules)
}

/// The documents in the root and in `docs`.
fn documents(root: &Path) -> io::Result<Vec<PathBuf>> {
    let docs = root.join("docs");
    println!("cargo::rerun-if-changed={}", docs.display());
    let mut paths = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root.join(name)).to_vec();
    for entry in fs::read_dir(docs)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    Ok(paths)
}

/// The document with hidden lines in its Rust blocks. They make each block a program in which the names of the blocks
/// above it are known.
fn prepared(text: &str) -> String {
    let (mut lines, mut block, mut above) = (vec![], None::<Vec<&str>>, vec![]);
    for line in text.lines() {
        match block.as_mut() {
            None if line.starts_with("```rust") => block = Some(vec![line]),
            None => lines.push(line.to_string()),
            Some(code) if line == "```" => {
                lines.extend(runnable(code, &above));
                lines.push(line.to_string());
                if code[0] == "```rust" && !has_main(code) {
                    above.push(code[1..].to_vec());
                }
                block = None;
            }
            Some(code) => code.push(line),
        }
    }
    lines.join("\n") + "\n"
}

/// A Rust block, without its last fence, that enters a folder of its own and goes on from the blocks above it.
fn runnable(block: &[&str], above: &[Vec<&str>]) -> Vec<String> {
    let mut lines: Vec<String> =
        block.iter().filter(|line| !is_end(line)).map(|line| line.to_string()).collect();
    if let Some(main) = block.iter().position(|line| line.starts_with("fn main")) {
        lines.insert(main + 1, ENTER.into());
        return lines;
    }
    // Each block is a scope, so that it may define a name anew.
    let scope =
        |code: &Vec<&str>| code.iter().filter(|line| !is_end(line)).map(|line| hidden(line)).collect();
    let before = above.iter().flat_map(|code| [scope(code), vec!["# {".to_string()]].concat());
    let hidden: Vec<String> = [ENTER.to_string()].into_iter().chain(before).collect();
    lines.splice(1..1, hidden);
    lines.extend(above.iter().map(|_| "# ;}".to_string()));
    lines.push(END.into());
    lines
}

fn has_main(block: &[&str]) -> bool {
    block.iter().any(|line| line.starts_with("fn main"))
}

/// The last line of a block that uses `?`.
fn is_end(line: &str) -> bool {
    line.starts_with("# Ok::<") || line.starts_with("Ok::<")
}

fn hidden(line: &str) -> String {
    if line.starts_with("# ") { line.to_string() } else { format!("# {line}") }
}
