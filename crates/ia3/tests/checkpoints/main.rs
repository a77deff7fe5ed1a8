//! Checkpoints as users have them: configurations and files that differ from what current tools write.
//!
//! Each case of `fixtures/checkpoints` has to give the logits of transformers. Each draw of `fixtures/vary`, which
//! `fixtures/oracle/vary.py` wrote, has to give them in float32, or to be refused by a message that names a field of its
//! `config.json`. `IA3_VARY=DIR cargo test --workspace --test checkpoints` adds the draws of a folder.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use ia3::{Error, ModelInputs, PretrainedOptions};
use libtest_mimic::{Arguments, Failed, Trial};

/// The largest difference of a logit: in float32, and where weights are in half precision.
const FLOAT: f64 = 1e-4;
const HALF: f64 = 0.1;

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut trials = trials(&fixtures.join("checkpoints"), same);
    trials.extend(self::trials(&fixtures.join("vary"), same_or_refused));
    if let Some(draws) = std::env::var_os("IA3_VARY") {
        trials.extend(self::trials(Path::new(&draws), same_or_refused));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

type Test = fn(&Path) -> Result<(), Failed>;

fn trials(root: &Path, test: Test) -> Vec<Trial> {
    let folders = folders(root);
    assert!(!folders.is_empty(), "{} holds no case", root.display());
    folders.into_iter().map(|dir| trial(dir, test)).collect()
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    folders.retain(|folder| folder.join("expected.safetensors").exists());
    folders.sort();
    folders
}

fn trial(dir: PathBuf, test: Test) -> Trial {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().to_string();
    Trial::test(name, move || test(&dir))
}

/// Loads as `from_pretrained` does.
fn same(dir: &Path) -> Result<(), Failed> {
    let difference = difference(dir, &PretrainedOptions::new())?;
    let half = std::fs::read_to_string(dir.join("base/config.json"))?.contains("bfloat16");
    let tolerance = if half { HALF } else { FLOAT };
    if difference < tolerance { Ok(()) } else { Err(format!("a logit differs by {difference:.1e}").into()) }
}

/// Loads in float32, as the generator let transformers load.
fn same_or_refused(dir: &Path) -> Result<(), Failed> {
    match difference(dir, &PretrainedOptions::new().with_dtype(FloatDType::F32)) {
        Ok(difference) if difference < FLOAT => Ok(()),
        Ok(difference) => Err(format!("a logit differs by {difference:.1e} of the largest").into()),
        Err(Error::BadConfig { source, .. }) if names_a_field(&source.to_string(), dir) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a message names a field of the draw's `config.json`.
fn names_a_field(message: &str, dir: &Path) -> bool {
    let config = std::fs::read_to_string(dir.join("base/config.json")).expect("config.json");
    message
        .split('`')
        .skip(1)
        .step_by(2)
        .flat_map(|path| path.split('.'))
        .any(|name| config.contains(&format!("\"{name}\":")))
}

/// The largest difference from the expected logits at real tokens, of the largest logit or of 1.
fn difference(dir: &Path, options: &PretrainedOptions) -> Result<f64, Error> {
    let device = Device::flex();
    let model = options.load(dir.join("base"), &device)?.model;
    let inputs = inputs(&dir.join("inputs.safetensors"), &device);
    let logits = model.forward(&inputs)?.cast(DType::F32).into_data();
    let got: Vec<f64> = logits.iter::<f64>().collect();
    let expected = tensors(&dir.join("expected.safetensors")).remove("logits").expect("logits");
    let real = real(&inputs, expected.shape().as_slice());
    let expected: Vec<f64> = expected.iter::<f64>().collect();
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(1.0, |largest: f64, logit| largest.max(logit.abs()));
    let apart = got.iter().zip(&expected).zip(real).filter(|(_, real)| *real);
    Ok(apart.map(|((got, expected), _)| (got - expected).abs()).fold(0.0, f64::max) / largest)
}

type Tensors = std::collections::BTreeMap<String, TensorData>;

fn tensors(path: &Path) -> Tensors {
    let names = [
        "input_ids",
        "attention_mask",
        "token_type_ids",
        "decoder_input_ids",
        "decoder_attention_mask",
        "position_ids",
        "logits",
    ];
    ia3::io::read_tensors(path, &names).unwrap_or_else(|error| panic!("{error}")).into_iter().collect()
}

fn inputs(path: &Path, device: &Device) -> ModelInputs {
    let mut tensors = tensors(path);
    let mut ids = |name: &str| -> Option<Tensor<2, Int>> {
        Some(Tensor::from_data(tensors.remove(name)?.convert::<i64>(), device))
    };
    ModelInputs {
        input_ids: ids("input_ids"),
        attention_mask: ids("attention_mask"),
        token_type_ids: ids("token_type_ids"),
        decoder_input_ids: ids("decoder_input_ids"),
        decoder_attention_mask: ids("decoder_attention_mask"),
        position_ids: ids("position_ids"),
    }
}

/// Whether each logit belongs to a real token, of the decoder if there is one; those of a classifier all count.
fn real(inputs: &ModelInputs, shape: &[usize]) -> Vec<bool> {
    let count = shape.iter().product();
    let mask = match &inputs.decoder_input_ids {
        Some(_) => &inputs.decoder_attention_mask,
        None => &inputs.attention_mask,
    };
    let Some(mask) = mask.clone().filter(|_| shape.len() == 3) else {
        return vec![true; count];
    };
    let mask: Vec<i64> = mask.into_data().iter().collect();
    (0..count).map(|i| mask[i * mask.len() / count] == 1).collect()
}
