//! A safetensors file, compared with the crate `safetensors`.

use ia3_io::safetensors::{TensorFile, read_tensors};
use ia3_io::{Checkpoint, CheckpointError, Dtype};
use safetensors::SafeTensors;

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;

/// The file.
pub const TARGET: Target =
    Target { name: "safetensors", run, seeds: || seeds::contents("safetensors"), tokens: TOKENS };

/// The words of a header.
pub(super) const TOKENS: &[&str] = &[
    "dtype",
    "shape",
    "data_offsets",
    "__metadata__",
    "format",
    "pt",
    "F32",
    "F16",
    "BF16",
    "F64",
    "I64",
    "U8",
    "BOOL",
    "F8_E4M3",
    "F4",
    "[0,0]",
    "[1,1]",
    "[0]",
    "[]",
    "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    "base_model.model.",
    ".ia3_l",
    "weight",
];

fn run(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("model.safetensors", data);
    let Ok(file) = TensorFile::open(&path) else { return };
    let reference = SafeTensors::deserialize(data).expect("the reference reads what was read");
    assert_eq!(file.tensors.len(), reference.len());
    let names: Vec<&str> = file.tensors.keys().map(String::as_str).collect();
    for (name, entry) in &file.tensors {
        let expected = reference.tensor(name).expect("the reference has the tensor");
        assert_eq!((entry.dtype, entry.shape.as_slice()), (expected.dtype(), expected.shape()));
        assert_eq!(entry.bytes, expected.data().len());
        if entry.dtype == Dtype::F32 {
            let values = file.read_f32(name, entry).expect("float32 values can be read");
            assert!(
                values.iter().flat_map(|value| value.to_le_bytes()).eq(expected.data().iter().copied()),
                "{name}"
            );
        }
    }
    let _ = read_tensors(&path, &names);
    let checkpoint = match Checkpoint::open(&path) {
        // A part of a quantised weight needs a `config.json` that announces it.
        Err(CheckpointError::Unannounced { .. }) => return,
        opened => opened.expect("a file that can be read is a checkpoint"),
    };
    names.iter().for_each(|name| drop(checkpoint.tensor(name)));
}
