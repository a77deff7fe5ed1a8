//! Adapters that replace the embedding or the head of a model whose head is the embedding: as in PEFT, the other of the two
//! keeps the weight of the base.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use ia3::core::visit_params;
use ia3::{Adapter, Bits, Ia3Config, Model, ModelInputs, PretrainedOptions};

const EMBEDDING: &str = "transformer.wte.weight";
const HEAD: &str = "lm_head.weight";

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/checkpoints").join(case)
}

fn base(case: &str) -> Model {
    Model::from_pretrained(folder(case).join("base"), &Device::flex()).unwrap()
}

fn gpt2() -> Model {
    base("tied_modules_to_save_gpt2_wte")
}

/// An adapter of the tied GPT-2 that replaces `modules` by tables that differ from those of the base.
fn saving(modules: &[&str], base: &Model, change: f32) -> Adapter {
    let config = Ia3Config::new().with_modules_to_save(modules.iter().copied());
    let mut adapter = Adapter::new(&config, base).unwrap();
    for data in adapter.saved.values_mut() {
        let values: Vec<f32> =
            data.iter::<f32>().enumerate().map(|(i, x)| x + change * (i % 7) as f32).collect();
        *data = TensorData::new(values, data.shape().clone());
    }
    adapter
}

fn inputs() -> ModelInputs {
    let ids: Vec<i64> = (0..18).map(|i| 2 + (i * 5) % 29).collect();
    ModelInputs {
        input_ids: Some(Tensor::from_data(TensorData::new(ids, [3, 6]), &Device::flex())),
        ..Default::default()
    }
}

/// The logits of each batch entry.
fn logits(model: &Model) -> Vec<Vec<f32>> {
    let logits: Vec<f32> = model.module().forward(&inputs()).unwrap().into_data().iter().collect();
    logits.chunks(logits.len() / 3).map(<[f32]>::to_vec).collect()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn each_row_has_its_own_embedding_and_head() {
    let base = gpt2();
    let embedding = saving(&["wte"], &base, 0.1);
    let both = saving(&["wte", "lm_head"], &base, -0.1);
    let mixed = logits(&base.with_rows(&[Some(&embedding), None, Some(&both)]).unwrap());
    let alone = [
        logits(&base.with_adapter(&embedding).unwrap()),
        logits(&base),
        logits(&base.with_adapter(&both).unwrap()),
    ];
    for row in 0..3 {
        assert!(apart(&mixed[row], &alone[row][row]) < 1e-5, "row {row}");
        assert!(apart(&mixed[row], &alone[(row + 1) % 3][row]) > 0.05, "row {row}");
    }
}

#[test]
fn only_the_replaced_table_is_trained() {
    let base = gpt2();
    for (module, trained, other) in [("wte", EMBEDDING, HEAD), ("lm_head", HEAD, EMBEDDING)] {
        let adapter = saving(&[module], &base, 0.1);
        let model = base.with_adapter(&adapter).unwrap().into_module().train();
        let loss = model.forward(&inputs()).unwrap().square().mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let mut found = (false, false);
        visit_params(&model, |path, param| match path.to_string() {
            path if path == trained => {
                found.0 = true;
                let gradient = gradients.get::<2>(param.id()).expect("a gradient");
                // With a tied head, the loss would reach every row of the embedding.
                let rows = if module == "wte" { gradient } else { gradient.transpose() };
                let reached = rows.abs().sum_dim(1).greater_elem(0.0).int().sum().into_scalar::<i64>();
                assert_eq!(reached, if module == "wte" { 18 } else { 61 }, "{module}");
            }
            path if path == other => {
                found.1 = true;
                assert!(!param.requires_grad() && gradients.get::<2>(param.id()).is_none(), "{path}");
            }
            _ => {}
        });
        assert_eq!(found, (true, true), "{module}");
    }
}

#[test]
fn a_saved_adapter_has_the_keys_of_peft_and_loads_again() {
    let base = gpt2();
    for (module, key) in [("wte", EMBEDDING), ("lm_head", HEAD)] {
        let adapter = saving(&[module], &base, 0.1);
        let out = tempfile::tempdir().unwrap();
        adapter.save(out.path()).unwrap();
        let key = format!("base_model.model.{key}");
        let file = ia3::io::read_tensors(out.path().join("adapter_model.safetensors"), &[&key]).unwrap();
        assert_eq!(file[&key].shape().as_slice(), [61, 24]);
        let again = Adapter::load(out.path(), &base).unwrap();
        assert_eq!(again.saved, adapter.saved);
        let (before, after) = (base.with_adapter(&adapter).unwrap(), base.with_adapter(&again).unwrap());
        assert_eq!(logits(&before), logits(&after));
        let extracted = adapter.extract(before.module()).unwrap();
        assert_eq!(extracted.saved, adapter.saved);
    }
}

fn config_of(dir: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(dir.join("config.json")).unwrap()).unwrap()
}

#[test]
fn a_merged_model_is_written_with_both_tables_and_says_so() {
    for (case, scales) in
        [("tied_modules_to_save_gpt2_wte", None), ("tied_modules_to_save_t5_lm_head", Some(true))]
    {
        let base = base(case);
        let adapter = Adapter::load(folder(case).join("adapter"), &base).unwrap();
        let out = tempfile::tempdir().unwrap();
        base.merge(&adapter).unwrap().save_pretrained(out.path()).unwrap();
        let config = config_of(out.path());
        assert_eq!(config["tie_word_embeddings"], false, "{case}");
        assert_eq!(config.get("scale_decoder_outputs").and_then(|scales| scales.as_bool()), scales, "{case}");
        assert!(ia3::io::Checkpoint::open(out.path()).unwrap().contains(HEAD), "{case}");
        // An adapter that replaces neither leaves the tie.
        let config = Ia3Config::new();
        base.merge(&Adapter::new(&config, &base).unwrap()).unwrap().save_pretrained(out.path()).unwrap();
        assert_eq!(config_of(out.path()), config_of(&folder(case).join("base")), "{case}");
        assert!(!ia3::io::Checkpoint::open(out.path()).unwrap().contains(HEAD), "{case}");
    }
}

#[test]
fn attached_and_merged_generate_the_same() {
    let base = gpt2();
    for modules in [&["wte"][..], &["lm_head"], &["wte", "lm_head"]] {
        let adapter = saving(modules, &base, 0.2);
        let generate = |model: &Model| {
            let prompts = [vec![5, 9, 11], vec![7, 3, 2]];
            model.generate(prompts).max_new_tokens(8).run().unwrap().to_string()
        };
        let attached = generate(&base.with_adapter(&adapter).unwrap());
        assert_eq!(attached, generate(&base.merge(&adapter).unwrap()), "{modules:?}");
    }
}

#[test]
fn a_quantised_base_takes_replaced_tables() {
    let float = gpt2();
    for head in [false, true] {
        let how = ia3::Quantization::new(Bits::Eight).with_head(head);
        let options = PretrainedOptions::new().with_quantization(how);
        let dir = folder("tied_modules_to_save_gpt2_wte").join("base");
        let quantised = Model::from_pretrained_with(dir, &options, &Device::flex()).unwrap();
        for modules in [&["wte"][..], &["lm_head"], &["wte", "lm_head"]] {
            let adapter = saving(modules, &float, 0.1);
            let expected = logits(&float.with_adapter(&adapter).unwrap()).concat();
            let got = logits(&quantised.with_adapter(&adapter).unwrap()).concat();
            assert!(apart(&got, &expected) < 0.3, "{modules:?}: {}", apart(&got, &expected));
            let merged = logits(&quantised.merge_requantizing(&adapter).unwrap().model).concat();
            assert!(apart(&merged, &expected) < 0.3, "{modules:?}: {}", apart(&merged, &expected));
        }
    }
}

#[test]
fn float16_keeps_its_dtypes_when_it_is_merged_and_saved() {
    for case in ["float16_mt5_overflow_adapter", "float16_t5_overflow_adapter"] {
        let base = base(case);
        let adapter = Adapter::load(folder(case).join("adapter"), &base).unwrap();
        let out = tempfile::tempdir().unwrap();
        base.merge(&adapter).unwrap().save_pretrained(out.path()).unwrap();
        let facts = |dir: &Path| -> Vec<(String, String)> {
            let checkpoint = ia3::io::Checkpoint::open(dir).unwrap();
            checkpoint.tensors().map(|t| (t.name.to_string(), format!("{:?}", t.dtype))).collect()
        };
        assert_eq!(facts(out.path()), facts(&folder(case).join("base")), "{case}");
    }
}

#[test]
fn a_float32_t5_in_float16_keeps_wo_in_float32() {
    let dir = folder("tied_modules_to_save_t5_lm_head").join("base");
    let options = PretrainedOptions::new().with_dtype(burn::tensor::FloatDType::F16);
    let half = Model::from_pretrained_with(dir, &options, &Device::flex()).unwrap();
    visit_params(half.module(), |path, param| {
        let expected = if path.to_string().ends_with(".wo.weight") { DType::F32 } else { DType::F16 };
        assert_eq!(param.data().dtype(), expected, "{path}");
    });
}
