//! A GGUF file, and a merge of vectors into its layers.

use ia3_config::Placement;
use ia3_data::{ChatTemplate, Tokenizer};
use ia3_gguf::{Architecture, GgufFile, MergeOptions, MergePlan, MergedRecord, ModuleVector};

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;

/// The file.
pub const TARGET: Target = Target { name: "gguf", run, seeds: || seeds::contents("gguf"), tokens: TOKENS };

const TOKENS: &[&str] = &[
    "GGUF",
    "general.architecture",
    "general.alignment",
    "llama",
    "t5",
    "falcon",
    "phi3",
    ".attention.head_count",
    ".attention.head_count_kv",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.pre",
    "llama-bpe",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.precompiled_charsmap",
    "blk.0.attn_q.weight",
    "blk.0.ffn_up.weight",
    "blk.0.ffn_gate.weight",
    "blk.0.attn_qkv.bias",
    "ia3.merged.base_sha256",
    "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    "\u{9}\u{0}\u{0}\u{0}\u{8}\u{0}\u{0}\u{0}",
    "\u{20}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
];

fn run(data: &[u8]) {
    let folder = Folder::new();
    let Ok(file) = GgufFile::open(folder.write("model.gguf", data)) else { return };
    for (key, value) in file.metadata().iter() {
        let _ = (
            value.to_string(),
            file.texts(key).is_ok(),
            file.integers(key).is_ok(),
            file.floats(key).is_ok(),
        );
    }
    if let Ok(Some(tokenizer)) = Tokenizer::of_base(file.path()) {
        let _ = tokenizer.encode("the then 123 \u{e9}", None).and_then(|ids| tokenizer.decode(&ids));
    }
    let _ = ChatTemplate::open(file.path()).is_ok();
    #[cfg(feature = "burn")]
    as_base(file.path());
    for tensor in file.tensors().iter().filter(|tensor| tensor.kind.format.is_some()) {
        let mut count = 0;
        file.decode_pieces(tensor, |values| count += values.len()).expect("a checked tensor is decoded");
        assert_eq!(count as u64, tensor.len(), "the number of values of a tensor");
        if let Some(integers) = file.tensor_integers(tensor).expect("a checked tensor is read") {
            let parts = count / integers.format.part;
            assert_eq!(
                (integers.values.len(), integers.scales.len()),
                (count, parts),
                "integers of a tensor"
            );
        }
    }
    let Ok(architecture) = Architecture::of(&file) else { return };
    let _ = MergedRecord::of(&file);
    merge(&folder, &file, &vectors(&file, &architecture));
}

/// Decodes all tensors under Hugging Face's names.
#[cfg(feature = "burn")]
fn as_base(path: &std::path::Path) {
    let Ok(checkpoint) = ia3_io::Checkpoint::open(path) else { return };
    for tensor in checkpoint.tensors().filter(|tensor| tensor.dtype != safetensors::Dtype::U8) {
        let values = checkpoint.tensor(tensor.name).expect("a checked tensor is decoded");
        assert_eq!(values.shape().num_elements(), tensor.shape.iter().product::<usize>());
    }
}

/// A vector for the outputs or the inputs of every layer that takes one.
fn vectors(file: &GgufFile, architecture: &Architecture) -> Vec<ModuleVector> {
    let vector = |(i, tensor): (usize, &ia3_gguf::TensorInfo)| {
        let (name, _) = architecture.parameter(file, &tensor.name)?;
        let module = name.strip_suffix(".weight")?.to_owned();
        let (placement, len) = match i % 2 {
            0 => (Placement::Output, tensor.rows()),
            _ => (Placement::Input, tensor.columns()),
        };
        let values = (0..len).map(|i| i as f32 % 3.0 - 0.75).collect();
        let vector = ModuleVector { module, placement, values };
        let fits = MergePlan::new(file, std::slice::from_ref(&vector), options()).is_ok();
        fits.then_some(vector)
    };
    file.tensors().iter().take(32).enumerate().filter_map(vector).collect()
}

fn options() -> MergeOptions {
    MergeOptions::new().with_requantize(true).with_adapters(vec!["adapter".into()])
}

fn merge(folder: &Folder, file: &GgufFile, vectors: &[ModuleVector]) {
    let Ok(plan) = MergePlan::new(file, vectors, options()) else { return };
    let Ok(prepared) = plan.prepare(file) else { return };
    let mut out = vec![];
    prepared.write(file, &mut out).expect("a merge that was tried is written");
    let merged = GgufFile::open(folder.write("merged.gguf", &out)).expect("a merged file is read");
    assert_eq!(merged.tensors(), file.tensors());
    let record = MergedRecord::of(&merged).expect("the record is read");
    assert_eq!(record.map(|record| record.adapters), Some(vec!["adapter".to_owned()]));
}
