//! The pickle in a file of `torch.save`.

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;
use crate::targets::convert::convert;
use crate::targets::torch::{pack, unpack};

/// The pickle; the file around it has four storages of 16 float32 values.
pub const TARGET: Target = Target { name: "pickle", run, seeds: seeds_of_fixtures, tokens: TOKENS };

/// Opcodes and names of pickles.
pub(super) const TOKENS: &[&str] = &[
    "\u{2}",
    "}(",
    "u.",
    "(t",
    "t",
    "R",
    "Q",
    "q\u{0}",
    "h\u{0}",
    "r",
    "j",
    "c",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
    "ctorch\nHalfStorage\n",
    "ctorch\nBFloat16Storage\n",
    "ctorch\nDoubleStorage\n",
    "ccollections\nOrderedDict\n)R",
    "X\u{3}\u{0}\u{0}\u{0}cpu",
    "X\u{1}\u{0}\u{0}\u{0}0",
    "storage",
    "K\u{1}",
    "K\u{10}",
    "M",
    "J",
    "N",
    "e",
    "s",
    "]",
    "a",
    ")",
    "0",
    "cos\nsystem\n",
    ".multi_lora_b",
    ".multi_lora_a",
    ".loras.ia3.lora_B",
];

fn run(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("adapter.pt", &pack(data));
    convert(&path, &folder.path(""));
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let files = seeds::contents("pt").into_iter().chain(seeds::contents("bin"));
    let mut pickles: Vec<Vec<u8>> = files.filter_map(|file| unpack(&file)).collect();
    pickles.extend(small());
    pickles
}

/// A dictionary of one tensor `[3, 1]`, small enough that mutations meet every part of it.
pub(super) fn small() -> [Vec<u8>; 2] {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let dictionary = |key: &str| {
        let id = [
            b"(".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text("0"),
            text("cpu"),
            b"K\x10tQ".to_vec(),
        ];
        let tensor = [
            &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
            &id.concat(),
            b"K\0K\x03K\x01\x86K\x01K\x01\x86\x89ccollections\nOrderedDict\n)RtR",
        ];
        [&b"\x80\x02}("[..], &text(key), &tensor.concat(), b"u."].concat()
    };
    [
        "encoder.block.0.layer.0.SelfAttention.k.multi_lora_b",
        "encoder.block.0.layer.0.SelfAttention.k.loras.ia3.lora_B",
    ]
    .map(dictionary)
}
