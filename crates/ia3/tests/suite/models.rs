//! What the corpus does not hold, over all its models: padding on either side, empty rows, the last logits alone,
//! caches, sampling, checkpoints of models without their heads.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData, Tolerance};
use ia3::io::Checkpoint;
use ia3::models::Model;
use ia3::models::{GenerationConfig, PaddingSide, Sampling, Step};
use ia3::{ModelInputs, Task};

fn tolerance() -> Tolerance<f32> {
    Tolerance::absolute(2e-5)
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// The base of every case of the corpus with this task.
fn models(task: Task) -> Vec<(String, Model)> {
    let dirs = std::fs::read_dir(fixtures()).unwrap().map(|e| e.unwrap().path());
    let mut dirs: Vec<PathBuf> = dirs.filter(|dir| dir.join("io.safetensors").exists()).collect();
    dirs.sort();
    let name = |dir: &Path| dir.file_name().unwrap().to_string_lossy().to_string();
    let load =
        |dir: &PathBuf| (name(dir), ia3::from_pretrained(dir.join("base"), &Device::flex()).unwrap().model);
    let of_texts = |(_, model): &(String, Model)| model.task() == task && model.image().is_none();
    let models: Vec<_> = dirs.iter().map(load).filter(of_texts).collect();
    assert!(!models.is_empty());
    models
}

/// A long row and a short one.
fn rows() -> [Vec<i64>; 2] {
    [vec![7, 8, 3, 5, 17, 40], vec![9, 4, 33]]
}

fn batch(rows: &[Vec<i64>], side: PaddingSide) -> ModelInputs {
    ModelInputs::from_rows(rows, 0, side, &Device::flex())
}

fn generate(model: &Model, inputs: &ModelInputs, config: &GenerationConfig) -> Vec<Vec<i64>> {
    let prompt = inputs.input_ids.as_ref().unwrap().dims()[1];
    let ids = model.generate(inputs, config).unwrap().ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.into_data().iter().collect();
    ids.chunks(width).map(|row| row[prompt..].to_vec()).collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> TensorData {
    tensor.into_data()
}

#[test]
fn each_row_of_a_padded_batch_is_the_row_alone() {
    for (name, model) in models(Task::CausalLm) {
        for (i, row) in rows().into_iter().enumerate() {
            let alone = batch(std::slice::from_ref(&row), PaddingSide::Right);
            let expected = values(model.forward(&alone).unwrap());
            for side in [PaddingSide::Left, PaddingSide::Right] {
                let logits = model.forward(&batch(&rows(), side)).unwrap();
                let start = if side == PaddingSide::Left { 6 - row.len() } else { 0 };
                let got = logits.narrow(0, i, 1).narrow(1, start, row.len());
                println!("{name} {side:?} {i}");
                values(got).assert_approx_eq::<f32>(&expected, tolerance());
                let last = values(model.last_logits(&batch(&rows(), side)).unwrap().narrow(0, i, 1));
                let alone = values(model.last_logits(&alone).unwrap());
                last.assert_approx_eq::<f32>(&alone, tolerance());
            }
        }
    }
}

#[test]
fn the_last_logits_are_those_of_the_last_position() {
    for (name, model) in models(Task::CausalLm) {
        let inputs = batch(&rows()[..1], PaddingSide::Right);
        let all = model.forward(&inputs).unwrap().narrow(1, 5, 1).squeeze_dim::<2>(1);
        println!("{name}");
        values(model.last_logits(&inputs).unwrap()).assert_approx_eq::<f32>(&values(all), tolerance());
    }
    for (_, model) in models(Task::Seq2SeqLm) {
        let mut inputs = batch(&rows(), PaddingSide::Right);
        let ids = |rows: [[i32; 3]; 2]| Tensor::<2, Int>::from_ints(rows, &Device::flex());
        inputs.decoder_input_ids = Some(ids([[0, 5, 6], [0, 7, 0]]));
        inputs.decoder_attention_mask = Some(ids([[1, 1, 1], [1, 1, 0]]));
        let all = model.forward(&inputs).unwrap();
        let at = |row, position| all.clone().narrow(0, row, 1).narrow(1, position, 1);
        let expected = Tensor::cat(vec![at(0, 2), at(1, 1)], 0).squeeze_dim::<2>(1);
        values(model.last_logits(&inputs).unwrap()).assert_approx_eq::<f32>(&values(expected), tolerance());
    }
}

#[test]
fn a_row_without_a_real_token_is_finite_and_leaves_the_others_alone() {
    for (name, model) in models(Task::CausalLm).into_iter().chain(models(Task::SequenceClassification)) {
        let mut inputs = batch(&[rows()[0].clone(), rows()[0].clone()], PaddingSide::Right);
        let full = model.forward(&inputs).unwrap();
        let mask = Tensor::<2, Int>::ones([2, 6], &Device::flex()).slice_fill([1..2, 0..6], 0);
        inputs.attention_mask = Some(mask);
        let logits = model.forward(&inputs).unwrap();
        assert!(values(logits.clone()).iter::<f32>().all(f32::is_finite), "{name}");
        let first = |logits: Tensor<3>| values(logits.narrow(0, 0, 1));
        first(logits).assert_approx_eq::<f32>(&first(full), tolerance());
        if model.task() == Task::CausalLm {
            assert!(values(model.last_logits(&inputs).unwrap()).iter::<f32>().all(f32::is_finite), "{name}");
            assert_eq!(generate(&model, &inputs, &model.generation_config(3)).len(), 2, "{name}");
        }
    }
}

#[test]
fn generation_is_the_same_for_a_row_alone_and_padded_on_either_side() {
    for (name, model) in models(Task::CausalLm) {
        let config = model.generation_config(8).with_min_new_tokens(8);
        let alone: Vec<Vec<i64>> = rows()
            .into_iter()
            .flat_map(|row| generate(&model, &batch(&[row], PaddingSide::Right), &config))
            .collect();
        for side in [PaddingSide::Left, PaddingSide::Right] {
            assert_eq!(generate(&model, &batch(&rows(), side), &config), alone, "{name} {side:?}");
        }
    }
}

#[test]
fn the_cache_gives_what_a_forward_over_everything_gives() {
    for (name, model) in models(Task::CausalLm) {
        let inputs = batch(&rows()[..1], PaddingSide::Right);
        let config = model.generation_config(12).with_min_new_tokens(12);
        let mut steps = vec![];
        let ids = model.generate_with(&inputs, &config, |step: Step| steps.push(step.logits.clone()));
        let ids = ids.unwrap().ids;
        let read = ids.dims()[1] - 1;
        let whole = ModelInputs { input_ids: Some(ids.narrow(1, 0, read)), ..ModelInputs::default() };
        let expected = model.forward(&whole).unwrap().narrow(1, 5, 12);
        println!("{name}");
        // From the fifteenth token on the angles of Phi-3 are others, also those of the tokens before.
        let first = if name == "phi3" { 9 } else { 0 };
        let (steps, expected) = (steps.split_off(first), expected.narrow(1, first, 12 - first));
        values(Tensor::stack::<3>(steps, 1)).assert_approx_eq::<f32>(&values(expected), tolerance());
    }
}

#[test]
fn sampling_is_reproducible_and_can_be_made_greedy() {
    for (name, model) in models(Task::CausalLm) {
        let inputs = batch(&rows(), PaddingSide::Left);
        let greedy = model.generation_config(8).with_min_new_tokens(8);
        let sampled = |sampling| greedy.clone().with_sampling(sampling);
        let seed = |seed| sampled(Sampling::new().with_seed(seed).with_temperature(2.0));
        let ids = |config: &GenerationConfig| generate(&model, &inputs, config);
        assert_eq!(ids(&seed(1)), ids(&seed(1)), "{name}");
        assert_ne!(ids(&seed(1)), ids(&seed(2)), "{name}");
        for sampling in [
            Sampling::new().with_top_k(1),
            Sampling::new().with_top_p(1e-6),
            Sampling::new().with_temperature(1e-4),
        ] {
            assert_eq!(ids(&sampled(sampling)), ids(&greedy), "{name} {sampling:?}");
        }
    }
}

#[test]
fn a_callback_sees_every_token_and_an_ended_row_is_padded() {
    for (name, model) in models(Task::CausalLm) {
        let inputs = batch(&rows(), PaddingSide::Left);
        let free = model.generation_config(6).with_eos_token_id(vec![]);
        // The token that the first row generates third ends it.
        let third = generate(&model, &inputs, &free)[0][2];
        let config = free.with_eos_token_id(vec![third]).with_pad_token_id(60);
        let mut seen = vec![vec![], vec![]];
        model
            .generate_with(&inputs, &config, |step: Step| {
                seen.iter_mut().zip(step.tokens).for_each(|(row, token)| row.push(*token));
            })
            .unwrap();
        assert_eq!(seen, generate(&model, &inputs, &config), "{name}");
        let end = seen[0].iter().position(|&id| id == third).unwrap();
        assert!(end <= 2 && seen[0][end + 1..].iter().all(|&id| id == 60), "{name} {seen:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_, gpt2) = models(Task::CausalLm).into_iter().find(|(name, _)| name == "gpt2").unwrap();
    let error = |inputs: &ModelInputs| gpt2.forward(inputs).unwrap_err().to_string();
    let long = batch(&[vec![3; 33]], PaddingSide::Right);
    assert_eq!(error(&long), "`input_ids` has 33 tokens per row, but the model has 32 positions");
    let mut positions = batch(&rows(), PaddingSide::Right);
    positions.position_ids = Some(Tensor::full([2, 6], 32, &Device::flex()));
    assert_eq!(error(&positions), "`position_ids` holds 32, but the model has 32 positions");
    let config = gpt2.generation_config(28);
    let message = gpt2.generate(&batch(&rows(), PaddingSide::Left), &config).unwrap_err();
    let expected = "`input_ids` has 6 tokens; with 28 new tokens this exceeds the 32 positions of the model";
    assert_eq!(message.to_string(), expected);
    assert!(gpt2.generate(&batch(&rows(), PaddingSide::Left), &gpt2.generation_config(27)).is_ok());
    let labels = Tensor::<2, Int>::zeros([2, 3], &Device::flex());
    let message = gpt2.loss(&batch(&rows(), PaddingSide::Right), labels).unwrap_err();
    let expected = "`labels` has shape [2, 3], expected [2, 6], one label for each position";
    assert_eq!(message.to_string(), expected);
    let (_, bert) = models(Task::SequenceClassification).remove(0);
    let mut types = batch(&rows(), PaddingSide::Right);
    types.token_type_ids = Some(Tensor::full([2, 6], 2, &Device::flex()));
    let expected = "`token_type_ids` holds the id 2, outside the vocabulary of 2";
    assert_eq!(bert.forward(&types).unwrap_err().to_string(), expected);
}

/// A checkpoint with every name rewritten.
fn renamed(name: &str, rename: impl Fn(&str) -> Option<String>) -> tempfile::TempDir {
    let (from, to) = (fixtures().join(name).join("base"), tempfile::tempdir().unwrap());
    std::fs::copy(from.join("config.json"), to.path().join("config.json")).unwrap();
    let checkpoint = Checkpoint::open(&from).unwrap();
    let names: Vec<&str> = checkpoint.tensors().map(|tensor| tensor.name).collect();
    let tensor = |name: &&str| Some((rename(name)?, checkpoint.tensor(name).unwrap()));
    let tensors: Vec<(String, TensorData)> = names.iter().filter_map(tensor).collect();
    let tensors: Vec<(&str, &TensorData)> =
        tensors.iter().map(|(name, data)| (name.as_str(), data)).collect();
    ia3::io::write_tensors(to.path().join("model.safetensors"), &tensors).unwrap();
    to
}

#[test]
fn checkpoints_without_the_prefix_load_the_same() {
    for (name, prefix) in [
        ("bert", "bert."),
        ("gpt2", "transformer."),
        ("falcon7b", "transformer."),
        ("llama", "model."),
        ("gpt_neox", "gpt_neox."),
        ("opt", "model."),
    ] {
        let bare = renamed(name, |name| Some(name.strip_prefix(prefix).unwrap_or(name).to_string()));
        let device = Device::flex();
        let [with, without] = [fixtures().join(name).join("base"), bare.path().to_path_buf()]
            .map(|dir| ia3::from_pretrained(dir, &device).unwrap());
        assert_eq!(without.report.unused, Vec::<String>::new(), "{name}");
        let inputs = batch(&rows(), PaddingSide::Right);
        let logits = |model: &Model| values(model.forward(&inputs).unwrap());
        assert_eq!(logits(&with.model), logits(&without.model), "{name}");
    }
}

#[test]
fn the_head_of_gpt_neox_has_an_older_name() {
    let old = renamed("gpt_neox", |name| Some(name.replace("lm_head", "embed_out")));
    let device = Device::flex();
    let [new, old] = [fixtures().join("gpt_neox/base"), old.path().to_path_buf()]
        .map(|dir| ia3::from_pretrained(dir, &device).unwrap());
    assert_eq!(old.report.unused, Vec::<String>::new());
    let inputs = batch(&rows(), PaddingSide::Right);
    let logits = |model: &Model| values(model.forward(&inputs).unwrap());
    assert_eq!(logits(&new.model), logits(&old.model));
}

#[test]
fn a_classifier_may_be_missing_and_then_starts_fresh() {
    let headless = renamed("bert", |name| Some(name.strip_prefix("bert.")?.to_string()));
    let loaded = ia3::from_pretrained(headless.path(), &Device::flex()).unwrap();
    assert_eq!(loaded.report.missing, ["classifier.weight", "classifier.bias"]);
    let adapter =
        ia3::io::load_adapter(fixtures().join("bert/adapter"), &loaded.model.info(), &Device::flex());
    let adapter = adapter.unwrap();
    let whole = ia3::from_pretrained(fixtures().join("bert/base"), &Device::flex()).unwrap();
    let inputs = batch(&rows(), PaddingSide::Right);
    let logits = |base: &Model| values(ia3::attach(base, &[&adapter]).unwrap().forward(&inputs).unwrap());
    assert_eq!(logits(&loaded.model), logits(&whole.model), "the adapter brings its own classifier");
    let broken = renamed("bert", |name| (!name.contains("layer.1.output.dense.bias")).then(|| name.into()));
    let error = ia3::from_pretrained(broken.path(), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("bert.encoder.layer.1.output.dense.bias"), "{error}");
}
