//! PEFT's adapter folder.

use std::path::Path;

use burn::tensor::Device;
use ia3_io::AdapterFile;
use ia3_io::adapter::{CONFIG, WEIGHTS};

use crate::input::{Folder, join, parts};
use crate::seeds;
use crate::target::Target;
use crate::targets::safetensors;

/// `adapter_config.json`, and `adapter_model.safetensors`.
pub const TARGET: Target =
    Target { name: "adapter", run, seeds: seeds_of_fixtures, tokens: safetensors::TOKENS };

fn run(data: &[u8]) {
    let [config, weights] = parts(data);
    let folder = Folder::new();
    folder.write(CONFIG, config);
    folder.write(WEIGHTS, weights);
    let Ok(file) = AdapterFile::open(folder.path("")) else { return };
    file.statistics();
    let Ok(placements) = file.placements(None) else { return };
    let info = file.infer_model();
    let _ = file.clone().into_adapter(&info, &Device::flex());
    let out = folder.path("out");
    file.save(&placements, &out).expect("an adapter that was read can be written");
    let again = AdapterFile::open(&out).expect("an adapter that was written can be read");
    let bits = |file: &AdapterFile| -> Vec<(String, Vec<usize>, Vec<u32>)> {
        let vectors = file.vectors.iter();
        vectors
            .map(|(m, v)| (m.clone(), v.shape.clone(), v.values.iter().map(|x| x.to_bits()).collect()))
            .collect()
    };
    assert_eq!(bits(&again), bits(&file));
    assert_eq!(again.placements(None).expect("it has placements"), placements);
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let folder = |weights: &Path| {
        let config = weights.with_file_name(CONFIG);
        config.exists().then(|| join(&[&seeds::read(&config), &seeds::read(weights)]))
    };
    seeds::files(WEIGHTS).iter().filter_map(|weights| folder(weights)).collect()
}
