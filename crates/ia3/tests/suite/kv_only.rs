//! The paper's placement on fused projections: the queries' part of a vector stays 1 whatever the optimiser does.

use std::path::PathBuf;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use ia3::core::Adapter;
use ia3::io::AdapterFile;
use ia3::train::OptimizerConfig;
use ia3::{Ia3Config, ModelInputs, TrainableParameters};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn ids() -> Tensor<2, Int> {
    Tensor::from_ints([[7, 8, 3, 5, 17, 40], [9, 4, 33, 2, 11, 12]], &Device::flex())
}

/// The queries of each fused layout by outputs: head width 6 (2 for 12 heads of 24, 4 for 6).
#[allow(clippy::single_range_in_vec_init)] // One range, not its elements.
const LAYOUTS: &[(&str, &str, &[std::ops::Range<usize>])] = &[
    ("gpt2", "transformer.h.0.attn.c_attn", &[0..24]),
    ("falcon7b", "transformer.h.0.self_attention.query_key_value", &[0..24]),
    ("falcon40b", "transformer.h.0.self_attention.query_key_value", &[0..12, 24..36]),
    ("falcon11b", "transformer.h.0.self_attention.query_key_value", &[0..12, 24..36]),
    (
        "falcon1b",
        "transformer.h.0.self_attention.query_key_value",
        &[0..2, 6..8, 12..14, 18..20, 24..26, 30..32, 36..38, 42..44, 48..50, 54..56, 60..62, 66..68],
    ),
    ("gpt_neox", "gpt_neox.layers.0.attention.query_key_value", &[0..6, 18..24, 36..42, 54..60]),
    (
        "bloom",
        "transformer.h.0.self_attention.query_key_value",
        &[0..4, 12..16, 24..28, 36..40, 48..52, 60..64],
    ),
    ("gpt_bigcode", "transformer.h.0.attn.c_attn", &[0..24]),
    ("phi3", "model.layers.0.self_attn.qkv_proj", &[0..24]),
];

#[test]
fn queries_stay_one_in_training_and_the_rest_moves() {
    let device = Device::flex();
    for (name, path, queries) in LAYOUTS {
        let base = ia3::from_pretrained(fixtures().join(name).join("base"), &device).unwrap().model;
        let plan = Ia3Config::new().plan(&base.info()).unwrap();
        let all = Adapter::init(&base, &plan);
        let adapter = all.clone().kv_only(&base.info()).unwrap();
        let held = 2 * queries.iter().map(|range| range.len()).sum::<usize>();
        let trainable = TrainableParameters::of(&base, &adapter);
        assert_eq!(trainable.trainable, all.num_params() - held, "{name}");

        for optimizer in [
            OptimizerConfig::AdamW { betas: (0.9, 0.999), weight_decay: 0.5 },
            OptimizerConfig::Adafactor { scale_parameter: true },
        ] {
            let mut model = ia3::attach(&base, &[&adapter]).unwrap().train();
            let mut optimizer = optimizer.init();
            for _ in 0..5 {
                let inputs = ModelInputs { input_ids: Some(ids()), ..ModelInputs::default() };
                let grads = model.loss(&inputs, ids()).unwrap().backward();
                let grads = GradientsParams::from_grads(grads, &model);
                let gradient: Vec<f32> =
                    grads.get::<1>(adapter.vectors[*path].l.id).unwrap().into_data().iter().collect();
                for (i, g) in gradient.iter().enumerate() {
                    assert_eq!(*g == 0.0, queries.iter().any(|q| q.contains(&i)), "{name} gradient {i}: {g}");
                }
                model = optimizer.step(1e-2, model, grads);
            }
            let trained = adapter.extract(&model).unwrap();
            let values: Vec<f32> = trained.vectors[*path].values().into_data().iter().collect();
            for (i, value) in values.iter().enumerate() {
                let is_query = queries.iter().any(|q| q.contains(&i));
                assert_eq!(*value == 1.0, is_query, "{name} {i}: {value}");
            }
            // In the file, the merge and a fork too.
            let dir = tempfile::tempdir().unwrap();
            ia3::io::save_adapter(&trained, dir.path()).unwrap();
            assert_eq!(AdapterFile::open(dir.path()).unwrap().vectors[*path].values, values, "{name}");
            let reloaded = ia3::io::load_adapter(dir.path(), &base.info(), &device).unwrap();
            let merged = |adapter: &Adapter| {
                let inputs = ModelInputs { input_ids: Some(ids()), ..ModelInputs::default() };
                ia3::merge(&base, &[adapter]).unwrap().forward(&inputs).unwrap().into_data()
            };
            assert_eq!(merged(&trained), merged(&reloaded), "{name}");
            assert_eq!(merged(&trained.fork()), merged(&reloaded), "{name}");
        }
    }
}

#[test]
fn without_a_fused_projection_there_is_nothing_to_hold() {
    let base = ia3::from_pretrained(fixtures().join("llama/base"), &Device::flex()).unwrap().model;
    let plan = Ia3Config::new().plan(&base.info()).unwrap();
    let error = Adapter::init(&base, &plan).kv_only(&base.info()).unwrap_err().to_string();
    assert!(error.starts_with("no target is a fused projection"), "{error}");
}
