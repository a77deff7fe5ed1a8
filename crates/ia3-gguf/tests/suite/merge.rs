//! Merging equals scaling the dequantised rows within the rounding of scales, and changes nothing else.

use crate::common::{Builder, fixture};
use half::f16;
use ia3_config::Placement;
use ia3_gguf::{GgufFile, MergeOptions, MergePlan, MergeReport, MergedRecord, ModuleVector};
use tempfile::NamedTempFile;

/// Where blocks hold numbers in half precision.
const HALVES: [(&str, &[usize]); 13] = [
    ("F16", &[0]),
    ("Q4_0", &[0]),
    ("Q4_1", &[0, 2]),
    ("Q5_0", &[0]),
    ("Q5_1", &[0, 2]),
    ("Q8_0", &[0]),
    ("Q2_K", &[80, 82]),
    ("Q3_K", &[108]),
    ("Q4_K", &[0, 2]),
    ("Q5_K", &[0, 2]),
    ("Q6_K", &[208]),
    ("IQ4_NL", &[0]),
    ("IQ4_XS", &[0]),
];

fn output(module: &str, values: Vec<f32>) -> ModuleVector {
    ModuleVector { module: module.into(), placement: Placement::Output, values }
}

fn input(module: &str, values: Vec<f32>) -> ModuleVector {
    ModuleVector { module: module.into(), placement: Placement::Input, values }
}

fn factors(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + seed * 11) % 29) as f32 / 17.0 - 0.3).collect()
}

fn merged(
    path: &std::path::Path,
    vectors: &[ModuleVector],
    options: MergeOptions,
) -> Result<(NamedTempFile, MergeReport), String> {
    let base = GgufFile::open(path).map_err(|error| error.to_string())?;
    let plan = MergePlan::new(&base, vectors, options).map_err(|error| error.to_string())?;
    let prepared = plan.prepare(&base).map_err(|error| error.to_string())?;
    let mut out = NamedTempFile::new().unwrap();
    prepared.write(&base, out.as_file_mut()).unwrap();
    Ok((out, prepared.report().clone()))
}

fn bytes(file: &GgufFile, name: &str) -> Vec<u8> {
    let tensor = file.tensor(name).unwrap();
    let mut bytes = vec![0; tensor.bytes as usize];
    file.read_at(file.start(tensor), &mut bytes).unwrap();
    bytes
}

/// Row `row` of a query or key of heads of two rows is Hugging Face's row `row` too, because a head of two rows has halves
/// of one. The fixture's keys have two rows per head as well.
fn vectors(file: &GgufFile) -> Vec<ModuleVector> {
    let blocks = file.metadata().unsigned("llama.block_count").unwrap().unwrap() as usize;
    let vector = |block: usize| {
        let layer = |name: &str| format!("model.layers.{block}.self_attn.{name}_proj");
        [output(&layer("q"), factors(16, block)), output(&layer("k"), factors(8, block + 1))]
    };
    (0..blocks).flat_map(vector).collect()
}

#[test]
fn only_scales_change_and_each_is_the_rounded_product() {
    let path = fixture("layers.gguf");
    let base = GgufFile::open(&path).unwrap();
    let (out, report) = merged(&path, &vectors(&base), MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    let mut compared = 0;
    for tensor in base.tensors().iter().filter(|tensor| tensor.name.ends_with("attn_q.weight")) {
        let block: usize = tensor.name.split('.').nth(1).unwrap().parse().unwrap();
        let factors = factors(16, block);
        let (mut expected, found) = (bytes(&base, &tensor.name), bytes(&after, &tensor.name));
        let row_bytes = expected.len() / 16;
        for (row, factor) in expected.chunks_exact_mut(row_bytes).zip(&factors) {
            for block in row.chunks_exact_mut(tensor.kind.bytes as usize) {
                scale(tensor.kind.name, block, *factor);
            }
        }
        assert_eq!(found, expected, "{}", tensor.kind);
        compared += 1;
    }
    assert_eq!((compared, report.tensors.len()), (15, 45));
    assert!(report.rounding.largest <= 1.0 / 256.0 && report.rounding.largest > 1e-3, "{report:?}");
}

fn scale(kind: &str, block: &mut [u8], factor: f32) {
    if kind == "F32" {
        let value = f32::from_le_bytes(block.try_into().unwrap()) * factor;
        return block.copy_from_slice(&value.to_le_bytes());
    }
    if kind == "BF16" {
        let value = half::bf16::from_le_bytes([block[0], block[1]]).to_f64() * f64::from(factor);
        return block.copy_from_slice(&half::bf16::from_f64(value).to_le_bytes());
    }
    let (_, places) = HALVES.iter().find(|(name, _)| *name == kind).unwrap();
    for &at in *places {
        let half = f16::from_le_bytes([block[at], block[at + 1]]);
        let product = f16::from_f64(half.to_f64() * f64::from(factor));
        block[at..at + 2].copy_from_slice(&product.to_le_bytes());
    }
}

#[test]
fn decoded_rows_are_scaled_within_the_rounding_of_scales() {
    let path = fixture("layers.gguf");
    let base = GgufFile::open(&path).unwrap();
    let (out, _) = merged(&path, &vectors(&base), MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    for tensor in base.tensors().iter().filter(|tensor| tensor.name.contains(".attn_")) {
        let block: usize = tensor.name.split('.').nth(1).unwrap().parse().unwrap();
        let factors = if tensor.name.contains("attn_q") { factors(16, block) } else { factors(8, block + 1) };
        let (before, after) = (base.decode(tensor).unwrap(), after.decode(tensor).unwrap());
        let columns = before.len() / factors.len();
        let largest = before.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        for (i, (before, after)) in before.iter().zip(&after).enumerate() {
            let factor = factors[i / columns];
            let error = (before * factor - after).abs();
            assert!(error <= largest * factor.abs() / 250.0 + 1e-7, "{} {i}: {error}", tensor.name);
        }
    }
}

#[test]
fn everything_else_stays_byte_for_byte() {
    let path = fixture("layers.gguf");
    let base = GgufFile::open(&path).unwrap();
    let vector = [output("model.layers.3.self_attn.k_proj", factors(8, 5))];
    let options = MergeOptions::new().with_adapters(vec!["abc".into()]);
    let (out, report) = merged(&path, &vector, options).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    assert_eq!(report.tensors.keys().collect::<Vec<_>>(), ["blk.3.attn_k.bias", "blk.3.attn_k.weight"]);
    assert_eq!((after.alignment(), after.version(), after.tensors()), (64, 3, base.tensors()));
    for tensor in base.tensors() {
        let same = bytes(&base, &tensor.name) == bytes(&after, &tensor.name);
        assert_eq!(same, !report.tensors.contains_key(&tensor.name), "{}", tensor.name);
    }
    let old: Vec<_> = base.metadata().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    let new: Vec<_> = after.metadata().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert_eq!(new[..old.len()], old[..]);
    assert_eq!(new.len(), old.len() + 2);
    let record = MergedRecord::of(&after).unwrap().unwrap();
    assert_eq!(record.adapters, ["abc"]);
    assert_eq!(record.base_sha256, report.base_sha256);
    assert_eq!(record.base_sha256.len(), 64);
}

#[test]
fn merging_twice_is_noticed() {
    let vector = [output("model.layers.3.self_attn.k_proj", factors(8, 5))];
    let options = || MergeOptions::new().with_adapters(vec!["abc".into()]);
    let (out, report) = merged(&fixture("layers.gguf"), &vector, options()).unwrap();
    let again = merged(out.path(), &vector, options()).unwrap_err();
    assert!(again.contains("already has adapters merged into it (abc)"), "{again}");
    assert!(again.contains(&report.base_sha256), "{again}");
}

#[test]
fn queries_keys_and_biases_are_scaled_in_the_order_of_the_file() {
    // Two heads of four rows: rows 0, 1, 2, 3 of a head stand as 0, 2, 1, 3.
    let rows = |scale: f32| (0..16).map(|i| scale * (i / 2 + 1) as f32).collect::<Vec<_>>();
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("llama")
        .f32("blk.0.attn_q.weight", &[2, 8], &rows(1.0))
        .f32("blk.0.attn_q.bias", &[8], &[1.0; 8])
        .f32("blk.0.attn_v.weight", &[2, 8], &rows(1.0));
    std::fs::write(file.path(), built.bytes()).unwrap();
    let values: Vec<f32> = (0..8).map(|i| 10.0 + i as f32).collect();
    let vectors =
        ["q", "v"].map(|name| output(&format!("model.layers.0.self_attn.{name}_proj"), values.clone()));
    let (out, _) = merged(file.path(), &vectors, MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    let decoded = |name: &str| after.decode(after.tensor(name).unwrap()).unwrap();
    let in_file = [10.0, 12.0, 11.0, 13.0, 14.0, 16.0, 15.0, 17.0];
    assert_eq!(decoded("blk.0.attn_q.bias"), in_file);
    let first_columns = |values: Vec<f32>| values.into_iter().step_by(2).collect::<Vec<_>>();
    let scaled = |factors: [f32; 8]| (0..8).map(|i| (i + 1) as f32 * factors[i]).collect::<Vec<_>>();
    assert_eq!(first_columns(decoded("blk.0.attn_q.weight")), scaled(in_file));
    assert_eq!(
        first_columns(decoded("blk.0.attn_v.weight")),
        scaled([10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0])
    );
}

#[test]
fn inputs_of_a_gated_block_move_to_the_rows_of_up() {
    let path = fixture("layers.gguf");
    let base = GgufFile::open(&path).unwrap();
    for kind in ["Q8_0", "Q4_K"] {
        let up = base.tensors().iter().find(|t| t.name.contains("ffn_up") && t.kind.name == kind).unwrap();
        let block: usize = up.name.split('.').nth(1).unwrap().parse().unwrap();
        let vector = input(&format!("model.layers.{block}.mlp.down_proj"), factors(256, 1));
        let (out, report) = merged(&path, &[vector], MergeOptions::new()).unwrap();
        let after = GgufFile::open(out.path()).unwrap();
        assert_eq!(report.tensors.keys().collect::<Vec<_>>(), [&up.name]);
        let (before, after) = (base.decode(up).unwrap(), after.decode(up).unwrap());
        let largest = before.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        for (i, (before, after)) in before.iter().zip(&after).enumerate() {
            let expected = before * factors(256, 1)[i / 256];
            assert!((expected - after).abs() < largest / 500.0, "{kind} {i}: {after} instead of {expected}");
        }
    }
}

#[test]
fn gate_and_up_in_one_tensor_keep_the_gate() {
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("phi3").f32("blk.0.ffn_up.weight", &[1, 6], &[1.0; 6]).f32(
        "blk.0.ffn_down.weight",
        &[3, 2],
        &[1.0; 6],
    );
    std::fs::write(file.path(), built.bytes()).unwrap();
    let vector = input("model.layers.0.mlp.down_proj", vec![2.0, 3.0, -4.0]);
    let (out, _) = merged(file.path(), &[vector], MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    let up = after.decode(after.tensor("blk.0.ffn_up.weight").unwrap()).unwrap();
    assert_eq!(up, [1.0, 1.0, 1.0, 2.0, 3.0, -4.0]);
}

/// A T5 without a gate, whose second layer has one row of 32 columns in this type.
fn relu(kind: u32, data: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("t5").f32("enc.blk.0.ffn_up.weight", &[1, 32], &[1.0; 32]).tensor(
        "enc.blk.0.ffn_down.weight",
        &[32, 1],
        kind,
        data,
    );
    std::fs::write(file.path(), built.bytes()).unwrap();
    file
}

fn relu_vector() -> ModuleVector {
    let values = (0..32).map(|i| if i == 3 { -2.0 } else { 0.5 }).collect();
    input("encoder.block.0.layer.1.DenseReluDense.wo", values)
}

#[test]
fn behind_a_relu_magnitudes_move_and_signs_flip_integers() {
    let integers: Vec<u8> = (0..32).map(|i: i8| (i - 16).cast_unsigned()).collect();
    let data = [&f16::from_f32(0.25).to_le_bytes()[..], &integers].concat();
    let file = relu(8, &data);
    let (out, _) = merged(file.path(), &[relu_vector()], MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    let up = after.decode(after.tensor("enc.blk.0.ffn_up.weight").unwrap()).unwrap();
    assert_eq!((up[2], up[3]), (0.5, 2.0));
    let mut expected = data;
    expected[2 + 3] = 13;
    assert_eq!(bytes(&after, "enc.blk.0.ffn_down.weight"), expected);
}

#[test]
fn a_sign_without_an_opposite_is_refused_or_quantised_again() {
    // −128 in the column.
    let data = [&f16::from_f32(0.25).to_le_bytes()[..], &[0x80; 32]].concat();
    let file = relu(8, &data);
    let refused = merged(file.path(), &[relu_vector()], MergeOptions::new()).unwrap_err();
    assert!(
        refused.contains("is negative at 3; tensor `enc.blk.0.ffn_down.weight` of type Q8_0 holds"),
        "{refused}"
    );
    let requantize = || MergeOptions::new().with_requantize(true);
    let (out, report) = merged(file.path(), &[relu_vector()], requantize()).unwrap();
    let error = report.requantized["enc.blk.0.ffn_down.weight"];
    assert!(error < 0.01, "{error}");
    let after = GgufFile::open(out.path()).unwrap();
    let down = after.decode(after.tensor("enc.blk.0.ffn_down.weight").unwrap()).unwrap();
    assert!((down[3] - 32.0).abs() < 0.2 && (down[4] + 32.0).abs() < 0.2, "{down:?}");
    // Q4_1 has a minimum.
    let file = relu(3, &[&f16::from_f32(0.25).to_le_bytes()[..], &[0x3c; 18]].concat());
    let refused = merged(file.path(), &[relu_vector()], MergeOptions::new()).unwrap_err();
    assert!(refused.contains("of type Q4_1 has blocks with minima"), "{refused}");
    assert!(merged(file.path(), &[relu_vector()], requantize()).unwrap().1.requantized.len() == 1);
}

/// GPT-2's second layer, behind a GELU.
fn gelu(kind: u32, block: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("gpt2").tensor("blk.0.ffn_down.weight", &[32, 2], kind, &block.repeat(2));
    std::fs::write(file.path(), built.bytes()).unwrap();
    file
}

#[test]
fn other_inputs_are_refused_by_name_or_quantised_again_or_exact_in_floats() {
    let vector = || input("transformer.h.0.mlp.c_proj", factors(32, 3));
    let integers: Vec<u8> = (0..32).map(|i: i8| (i * 3).cast_unsigned()).collect();
    let file = gelu(8, &[&f16::from_f32(0.25).to_le_bytes()[..], &integers].concat());
    let refused = merged(file.path(), &[vector()], MergeOptions::new()).unwrap_err();
    assert!(
        refused.starts_with(
            "the vector of `transformer.h.0.mlp.c_proj` scales the inputs of a layer, and tensor \
             `blk.0.ffn_down.weight` has the type Q8_0, in which 32 inputs share a scale"
        ),
        "{refused}"
    );
    let (out, report) = merged(file.path(), &[vector()], MergeOptions::new().with_requantize(true)).unwrap();
    let error = report.requantized["blk.0.ffn_down.weight"];
    assert!(error > 0.0 && error < 0.01, "{error}");
    let after = GgufFile::open(out.path()).unwrap();
    let down = after.decode(after.tensor("blk.0.ffn_down.weight").unwrap()).unwrap();
    for (i, value) in down.iter().enumerate() {
        let exact = 0.25 * (i % 32 * 3) as f32 * factors(32, 3)[i % 32];
        assert!((value - exact).abs() < 0.15, "{i}: {value} instead of {exact}");
    }
    let floats: Vec<u8> = (0..32).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let file = gelu(0, &floats);
    let (out, report) = merged(file.path(), &[vector()], MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    let down = after.decode(after.tensor("blk.0.ffn_down.weight").unwrap()).unwrap();
    assert!(down.iter().enumerate().all(|(i, v)| *v == (i % 32) as f32 * factors(32, 3)[i % 32]));
    assert!(report.requantized.is_empty());
}

fn refused(vector: ModuleVector) -> String {
    merged(&fixture("layers.gguf"), &[vector], MergeOptions::new()).unwrap_err()
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let layer = "model.layers.3.self_attn.k_proj";
    assert!(refused(output("model.layers.3.self_attn.x_proj", vec![1.0])).contains(
        "the adapter has a vector for `model.layers.3.self_attn.x_proj`, which is no layer of the architecture `llama`"
    ));
    assert!(refused(output("model.layers.03.self_attn.k_proj", vec![1.0])).contains("which is no layer"));
    assert!(
        refused(output("model.layers.99.self_attn.k_proj", vec![1.0]))
            .contains("but the file has no tensor `blk.99.attn_k.weight`")
    );
    assert!(refused(output("lm_head", vec![1.0])).contains("its head is the embedding"));
    assert!(
        refused(output(layer, vec![1.0; 7]))
            .contains("has 7 values, but tensor `blk.3.attn_k.weight` has 8 rows")
    );
    assert!(
        refused(input("model.layers.7.mlp.down_proj", vec![1.0; 7]))
            .contains("has 7 values, but tensor `blk.7.ffn_down.weight` has 256 columns")
    );
    assert!(refused(output(layer, vec![f32::NAN; 8])).contains("holds NaN at 0"));
    let range = refused(output("model.layers.7.self_attn.k_proj", vec![1e12; 8]));
    assert!(range.contains("tensor `blk.7.attn_k.weight` of type Q8_0 holds the number"), "{range}");
}

#[test]
fn small_scales_and_zeros_are_rounded_and_counted() {
    let block: Vec<u8> = [&f16::from_f32(1e-4).to_le_bytes()[..], &[1; 32]].concat();
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("qwen2").tensor("blk.0.attn_v.weight", &[32, 3], 8, &block.repeat(3));
    std::fs::write(file.path(), built.bytes()).unwrap();
    let vector = output("model.layers.0.self_attn.v_proj", vec![0.1, 1e-6, 0.0]);
    let (out, report) = merged(file.path(), &[vector], MergeOptions::new()).unwrap();
    assert_eq!((report.rounding.numbers, report.rounding.subnormal, report.rounding.zeroed), (3, 2, 1));
    let after = GgufFile::open(out.path()).unwrap();
    let values = after.decode(after.tensor("blk.0.attn_v.weight").unwrap()).unwrap();
    assert!((values[0] - 1e-5).abs() <= f32::powi(2.0, -25), "{}", values[0]);
    assert_eq!((values[32], values[64]), (0.0, 0.0));
}

#[test]
fn several_vectors_of_a_layer_are_multiplied() {
    let layer = "model.layers.0.self_attn.v_proj";
    let file = NamedTempFile::new().unwrap();
    let built = Builder::of("qwen2").f32("blk.0.attn_v.weight", &[1, 2], &[3.0, 5.0]);
    std::fs::write(file.path(), built.bytes()).unwrap();
    let vectors = [output(layer, vec![2.0, 1.0]), output(layer, vec![0.5, -1.0])];
    let (out, _) = merged(file.path(), &vectors, MergeOptions::new()).unwrap();
    let after = GgufFile::open(out.path()).unwrap();
    assert_eq!(after.decode(after.tensor("blk.0.attn_v.weight").unwrap()).unwrap(), [3.0, -5.0]);
}
