//! A folder whose weights GPTQ, AWQ or bitsandbytes quantised, and a merge into it.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3_io::{Checkpoint, LoadOptions, OutputFolder, PackedModel, merge_packed};
use ia3_models::{Model, ModelConfig};

use crate::input::{Folder, join, parts};
use crate::seeds;
use crate::target::Target;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// `config.json`, and `model.safetensors`.
pub const TARGET: Target = Target {
    name: "packed",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "quantization_config",
        "quant_method",
        "gptq",
        "gptq_v2",
        "awq",
        "bitsandbytes",
        "load_in_8bit",
        "bits",
        "group_size",
        "checkpoint_format",
        "version",
        "dynamic",
        ".qweight",
        ".qzeros",
        ".scales",
        ".g_idx",
        ".SCB",
        ".weight_format",
        ".weight.absmax",
        ".weight.nested_absmax",
        ".weight.quant_state.bitsandbytes__nf4",
        "blocksize",
        "nested_blocksize",
        "nested_offset",
        "I32",
        "I8",
        "U8",
        "F16",
    ],
};

thread_local! {
    /// The models of the fixtures, how a merge sees them, and their adapters.
    static MODELS: Vec<(Model, PackedModel, PathBuf)> = ["llama", "opt"].map(model).into();
}

fn model(kind: &str) -> (Model, PackedModel, PathBuf) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/packed");
    let folder = fixtures.join(if kind == "opt" { "opt_gptq" } else { "gptq" });
    let config = String::from_utf8(seeds::read(&folder.join(CONFIG))).expect("a configuration is text");
    let model = ModelConfig::from_json(&config).expect("the fixture is a model").init(&Device::flex());
    let packed = PackedModel::new(model.info(), model.feed_forwards(), LoadOptions::new());
    (model, packed, fixtures.join(format!("{kind}_adapter")))
}

fn run(data: &[u8]) {
    let [config, weights] = parts(data);
    let folder = Folder::new();
    let base = folder.path("base");
    std::fs::create_dir(&base).expect("a folder can be made");
    folder.write("base/config.json", config);
    folder.write("base/model.safetensors", weights);
    let Ok(checkpoint) = Checkpoint::open(&base) else { return };
    let names: Vec<String> = checkpoint.tensors().map(|tensor| tensor.name.to_string()).collect();
    names.iter().for_each(|name| drop(checkpoint.tensor(name)));
    let _ = checkpoint.quantization();
    MODELS.with(|models| {
        for (kind, (module, model, adapter)) in models.iter().enumerate() {
            let keeping = LoadOptions::new().with_keep_quantized(true);
            let _ = checkpoint.load_with(module.clone(), &keeping);
            for requantize in [false, true] {
                let out = folder.path(&format!("out{kind}-{requantize}"));
                let merged = OutputFolder::lock(&out).expect("a folder can be locked");
                if merge_packed(&base, std::slice::from_ref(adapter), &merged, model, requantize).is_ok() {
                    Checkpoint::open(&out).expect("a folder that was written can be read");
                }
            }
        }
    });
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let folder =
        |weights: &PathBuf| join(&[&seeds::read(&weights.with_file_name(CONFIG)), &seeds::read(weights)]);
    let weights = seeds::files(WEIGHTS);
    let packed = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "packed");
    weights.iter().filter(packed).map(folder).collect()
}
