//! T-Few's file: the zip archive that `torch.save` writes.

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;
use crate::targets::convert::convert;
use crate::targets::{pickle, torch};

/// The file.
pub const TARGET: Target = Target {
    name: "tfew",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "PK\u{1}\u{2}",
        "PK\u{3}\u{4}",
        "PK\u{5}\u{6}",
        "PK\u{6}\u{6}",
        "PK\u{6}\u{7}",
        "PK\u{7}\u{8}",
        "data.pkl",
        "archive/",
        "byteorder",
        "little",
        "big",
        "data/0",
        "version",
        ".format_version",
    ],
};

fn run(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("adapter.pt", data);
    convert(&path, &folder.path(""));
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let small = pickle::small().map(|pickle| torch::pack(&pickle));
    seeds::contents("pt").into_iter().chain(small).collect()
}
