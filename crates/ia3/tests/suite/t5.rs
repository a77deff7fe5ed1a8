//! What the corpus does not hold: padding on the left, rows without a real token, half-precision bases.

use std::path::PathBuf;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, Tolerance};
use ia3::ModelInputs;
use ia3::io::{Checkpoint, LoadOptions, load_adapter};
use ia3::models::Model;

fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

fn ids<const N: usize>(rows: [[i32; N]; 2]) -> Tensor<2, Int> {
    Tensor::from_ints(rows, &Device::flex())
}

/// Two rows, the second with three tokens and two of padding.
fn inputs(left: bool) -> ModelInputs {
    let (short, mask) = match left {
        true => ([0, 0, 9, 4, 1], [0, 0, 1, 1, 1]),
        false => ([9, 4, 1, 0, 0], [1, 1, 1, 0, 0]),
    };
    ModelInputs {
        input_ids: Some(ids([[7, 8, 3, 5, 1], short])),
        attention_mask: Some(ids([[1; 5], mask])),
        decoder_input_ids: Some(ids([[0, 12, 30], [0, 17, 21]])),
        ..ModelInputs::default()
    }
}

#[test]
fn padding_on_the_left_is_as_good_as_on_the_right() {
    for name in ["t5", "t5v11", "mt5"] {
        let model = ia3::from_pretrained(case(name).join("base"), &Device::flex()).unwrap().model;
        let logits = |left| model.forward(&inputs(left)).unwrap().into_data();
        logits(true).assert_approx_eq::<f32>(&logits(false), Tolerance::absolute(1e-4));
        let config = model.generation_config(6);
        let generate = |left| model.generate(&inputs(left), &config).unwrap().ids.into_data();
        assert_eq!(generate(true), generate(false), "{name}");
    }
}

#[test]
fn a_row_without_a_real_token_is_finite() {
    let model = ia3::from_pretrained(case("t5").join("base"), &Device::flex()).unwrap().model;
    let mut inputs = inputs(false);
    inputs.attention_mask = Some(ids([[1; 5], [0; 5]]));
    inputs.decoder_attention_mask = Some(ids([[1; 3], [0; 3]]));
    let logits = model.forward(&inputs).unwrap().into_data();
    assert!(logits.iter::<f32>().all(f32::is_finite));
}

/// PEFT's own bf16 and f16 logits on these weights are 0.51 and 0.053 from its float32 ones.
#[test]
fn half_precision_bases_stay_within_pefts_distance_of_float32() {
    let device = Device::flex();
    let single = ia3::from_pretrained(case("t5v11").join("base"), &device).unwrap();
    let adapter = load_adapter(case("t5v11").join("adapter"), &single.model.info(), &device).unwrap();
    let logits = |base: &Model| {
        let adapted = ia3::attach(base, &[&adapter]).unwrap();
        adapted.forward(&inputs(false)).unwrap().cast(DType::F32)
    };
    let expected = logits(&single.model);
    for (dtype, tolerance) in [(FloatDType::BF16, 0.51), (FloatDType::F16, 0.053)] {
        let checkpoint = Checkpoint::open(case("t5v11").join("base")).unwrap();
        let options = LoadOptions::new().with_dtype(dtype);
        let (half, _) = checkpoint.load_with(single.config.init(&device), &options).unwrap();
        let worst = (logits(&half) - expected.clone()).abs().max().into_scalar::<f32>();
        assert!(worst > 0.0 && worst < tolerance, "{dtype:?}: {worst}");
        let config = half.generation_config(4);
        assert!(half.generate(&inputs(false), &config).is_ok());
    }
}
