//! PEFT's `print_trainable_parameters` for the T5 family, from the configuration alone: no weight is allocated.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::{Ia3Config, PlanOptions, TrainableParameters};
use ia3_models::ModelConfig;

struct Row {
    name: &'static str,
    /// `model_type`, `d_model`, `d_kv`, `d_ff`, layers, heads, vocabulary, projection.
    shape: (&'static str, usize, usize, usize, usize, usize, usize, &'static str),
    trainable: usize,
    all: usize,
    sites: usize,
}

const V: usize = 32_128;
const GATED: &str = "gated-gelu";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { name: "t5-small", shape: ("t5", 512, 64, 2048, 6, 8, V, "relu"), trainable: 43_008, all: 60_549_632, sites: 48 },
    Row { name: "t5-base", shape: ("t5", 768, 64, 3072, 12, 12, V, "relu"), trainable: 129_024, all: 223_032_576, sites: 96 },
    Row { name: "t5-large", shape: ("t5", 1024, 64, 4096, 24, 16, V, "relu"), trainable: 344_064, all: 738_012_160, sites: 192 },
    Row { name: "t5-3b", shape: ("t5", 1024, 128, 16_384, 24, 32, V, "relu"), trainable: 1_376_256, all: 2_852_974_592, sites: 192 },
    Row { name: "t5-11b", shape: ("t5", 1024, 128, 65_536, 24, 128, V, "relu"), trainable: 5_505_024, all: 11_312_826_368, sites: 192 },
    Row { name: "t5-v1_1-small", shape: ("t5", 512, 64, 1024, 8, 6, V, GATED), trainable: 34_816, all: 60_546_432, sites: 64 },
    Row { name: "t5-v1_1-base", shape: ("t5", 768, 64, 2048, 12, 12, V, GATED), trainable: 104_448, all: 223_008_000, sites: 96 },
    Row { name: "T0_3B", shape: ("t5", 2048, 64, 5120, 24, 32, V, GATED), trainable: 540_672, all: 2_784_499_712, sites: 192 },
    Row { name: "T0", shape: ("t5", 4096, 64, 10_240, 24, 64, V, GATED), trainable: 1_081_344, all: 11_004_817_408, sites: 192 },
    Row { name: "mt5-small", shape: ("mt5", 512, 64, 1024, 8, 6, 250_112, GATED), trainable: 34_816, all: 172_154_240, sites: 64 },
    Row { name: "mt5-large", shape: ("mt5", 1024, 64, 2816, 24, 16, 250_112, GATED), trainable: 282_624, all: 973_749_248, sites: 192 },
];

impl Row {
    /// With the head tied, as transformers makes it from a configuration alone, or apart, as in the real v1.1 files.
    fn counts(&self, tied: bool) -> (TrainableParameters, usize) {
        let (model_type, d_model, d_kv, d_ff, layers, heads, vocab, projection) = self.shape;
        let json = format!(
            r#"{{"model_type": "{model_type}", "d_model": {d_model}, "d_kv": {d_kv}, "d_ff": {d_ff},
                "num_layers": {layers}, "num_heads": {heads}, "vocab_size": {vocab},
                "feed_forward_proj": "{projection}"}}"#
        );
        let config = ModelConfig::from_json(&json).unwrap().with_tied_head(tied);
        let model = config.init(&Device::flex());
        let plan = Ia3Config::new().plan(&model.info(), PlanOptions::default()).unwrap();
        let trainable = plan.trainable_parameters();
        (TrainableParameters { trainable, all: model.num_params() + trainable }, plan.sites.len())
    }
}

#[test]
fn the_counts_are_pefts() {
    for row in TABLE {
        let (counts, sites) = row.counts(true);
        assert_eq!(
            (counts.trainable, counts.all, sites),
            (row.trainable, row.all, row.sites),
            "{}",
            row.name
        );
    }
}

#[test]
fn a_head_of_its_own_counts() {
    let t0_3b = TABLE.iter().find(|row| row.name == "T0_3B").unwrap();
    let (counts, _) = t0_3b.counts(false);
    assert_eq!(counts.all - counts.trainable, 2_849_757_184);
}
