//! AdapterHub's folder, and the folder of older PEFT with a pickle.

use std::path::Path;

use ia3_io::adapter::CONFIG;

use crate::input::{Folder, join, parts};
use crate::seeds;
use crate::target::Target;
use crate::targets::convert::convert;
use crate::targets::torch::{pack, unpack};

/// `adapter_config.json`, and the weights: a pickle if they start with its first opcode, otherwise safetensors.
pub const TARGET: Target = Target {
    name: "adapterhub",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "config",
        "architecture",
        "lora",
        "attn_matrices",
        "composition_mode",
        "scale",
        "selfattn_lora",
        "intermediate_lora",
        "output_lora",
        "r",
        "alpha",
        "leave_out",
        "hidden_size",
        "model_class",
        "model_name",
        "model_type",
        "name",
        "ia3",
        "peft_type",
        "IA3",
        ".loras.ia3.lora_B",
        "transformer.",
        "dtype",
        "F32",
        "shape",
        "data_offsets",
    ],
};

fn run(data: &[u8]) {
    let [config, weights] = parts(data);
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).expect("a folder can be made");
    folder.write(&format!("in/{CONFIG}"), config);
    if weights.starts_with(b"\x80") {
        let file = pack(weights);
        folder.write("in/pytorch_adapter.bin", &file);
        folder.write("in/adapter_model.bin", &file);
    } else {
        folder.write("in/adapter.safetensors", weights);
    }
    convert(&folder.path("in"), &folder.path(""));
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let folder = |weights: &Path| {
        let bytes = seeds::read(weights);
        let bytes = unpack(&bytes).unwrap_or(bytes);
        join(&[&seeds::read(&weights.with_file_name(CONFIG)), &bytes])
    };
    let mut weights = seeds::files("bin");
    weights.extend(seeds::files("adapter.safetensors"));
    weights.iter().map(|path| folder(path)).collect()
}
