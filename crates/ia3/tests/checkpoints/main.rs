//! Checkpoints as users have them: configurations and files that differ from what current tools write.
//!
//! Each case of `fixtures/checkpoints` has to give the logits of transformers, or of PEFT if it has an adapter;
//! `IA3_CHECKPOINTS=DIR` adds the cases of `fixtures/oracle/gen_checkpoints.py`. Each draw of `fixtures/vary`, which
//! `fixtures/oracle/vary.py` wrote, has to give them in float32, or to be refused by a message that names a field of its
//! `config.json`. `IA3_VARY=DIR cargo test --workspace --test checkpoints` adds the draws of a folder.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use ia3::{Adapter, AdapterError, Error, Model, ModelInputs, PretrainedOptions};
use libtest_mimic::{Arguments, Failed, Trial};

/// The largest difference of a logit: in float32, and where weights are in half precision.
const FLOAT: f64 = 1e-4;
const HALF: [(&str, FloatDType, f64); 2] =
    [("\"float16\"", FloatDType::F16, 0.01), ("\"bfloat16\"", FloatDType::BF16, 0.1)];

/// Parameters that cannot differ between the rows of a batch.
const WHOLE_BATCH: [&str; 2] =
    ["shared.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"];

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut trials = trials(&fixtures.join("checkpoints"), same);
    trials.extend(self::trials(&fixtures.join("vary"), same_or_refused));
    if let Some(made) = std::env::var_os("IA3_CHECKPOINTS") {
        trials.extend(self::trials(Path::new(&made), same));
    }
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

/// A base in half precision computes in that dtype, as transformers did for the expected logits, and as `from_pretrained` loads
/// it also in float32. With the adapter of the case, if there is one: attached, by row, merged, and merged, saved and read again.
fn same(dir: &Path) -> Result<(), Failed> {
    let config = std::fs::read_to_string(dir.join("base/config.json"))?;
    let case = Case::open(dir);
    match HALF.iter().find(|(name, ..)| config.contains(name)) {
        None => case.compare(&PretrainedOptions::new(), FLOAT),
        Some((_, dtype, tolerance)) => {
            case.compare(&PretrainedOptions::new().with_dtype(*dtype), *tolerance)?;
            case.compare_in_float32(*tolerance)
        }
    }
}

/// Loads in float32, as the generator let transformers load.
fn same_or_refused(dir: &Path) -> Result<(), Failed> {
    let case = Case::open(dir);
    let model = case.base(&PretrainedOptions::new().with_dtype(FloatDType::F32));
    match model.and_then(|model| case.difference(&model, &case.expected)) {
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

/// A folder with a base, perhaps an adapter, inputs, and the logits of transformers.
struct Case<'a> {
    dir: &'a Path,
    device: Device,
    inputs: ModelInputs,
    expected: TensorData,
}

impl<'a> Case<'a> {
    fn open(dir: &'a Path) -> Self {
        let device = Device::flex();
        let inputs = inputs(&dir.join("inputs.safetensors"), &device);
        let expected = tensors(&dir.join("expected.safetensors")).remove("logits").expect("logits");
        Self { dir, device, inputs, expected }
    }

    fn base(&self, options: &PretrainedOptions) -> Result<Model, Error> {
        Model::from_pretrained_with(self.dir.join("base"), options, &self.device)
    }

    /// The logits of transformers.
    fn compare(&self, options: &PretrainedOptions, tolerance: f64) -> Result<(), Failed> {
        let base = self.base(options)?;
        let Some(adapter) = self.adapter(&base)? else {
            return self.near("base", &base, &self.expected, tolerance);
        };
        let (merged, out) = self.merged(&base, &adapter)?;
        let reread = Model::from_pretrained_with(out.path(), options, &self.device)?;
        for (how, model) in self.adapted(&base, &adapter)? {
            self.near(how, &model, &self.expected, tolerance)?;
        }
        self.near("merged", &merged, &self.expected, tolerance)?;
        self.near("merged and read again", &reread, &self.expected, tolerance)
    }

    /// Weights in half precision with float32 arithmetic give the logits of the same weights read as float32, which the cases in
    /// float32 compare with transformers'. Merging rounds the scaled weights to half precision, so the weights of a merged model
    /// are those of its file; what the rounding changes is bounded by `rounding`.
    fn compare_in_float32(&self, rounding: f64) -> Result<(), Failed> {
        let float32 = PretrainedOptions::new().with_dtype(FloatDType::F32);
        let (base, reference) = (self.base(&PretrainedOptions::new())?, self.base(&float32)?);
        let Some(adapter) = self.adapter(&base)? else {
            return self.near("base in float32", &base, &self.logits(&reference)?, FLOAT);
        };
        let attached = self.logits(&reference.with_adapter(&adapter)?)?;
        for (how, model) in self.adapted(&base, &adapter)? {
            self.near(&format!("{how} in float32"), &model, &attached, FLOAT)?;
        }
        let (merged, out) = self.merged(&base, &adapter)?;
        let reread = Model::from_pretrained_with(out.path(), &PretrainedOptions::new(), &self.device)?;
        let file = Model::from_pretrained_with(out.path(), &float32, &self.device)?;
        let logits = self.logits(&file)?;
        self.near("merged in float32", &merged, &logits, FLOAT)?;
        self.near("merged and read again in float32", &reread, &logits, FLOAT)?;
        self.near("the rounding of merged weights", &file, &attached, rounding)
    }

    fn near(&self, how: &str, model: &Model, expected: &TensorData, tolerance: f64) -> Result<(), Failed> {
        let difference = self.difference(model, expected)?;
        match difference < tolerance {
            true => Ok(()),
            false => Err(format!("{how}: a logit differs by {difference:.1e} of the largest").into()),
        }
    }

    fn adapter(&self, base: &Model) -> Result<Option<Adapter>, Error> {
        let folder = self.dir.join("adapter");
        folder.exists().then(|| Adapter::load(folder, base)).transpose()
    }

    /// The merged model, and the folder to which it was saved.
    fn merged(&self, base: &Model, adapter: &Adapter) -> Result<(Model, tempfile::TempDir), Error> {
        let (merged, out) = (base.merge(adapter)?, tempfile::tempdir().expect("a temporary folder"));
        merged.save_pretrained(out.path())?;
        Ok((merged, out))
    }

    /// The base with the adapter attached to it, and with the adapter for each row.
    fn adapted(&self, base: &Model, adapter: &Adapter) -> Result<Vec<(&'static str, Model)>, Error> {
        let rows = self.inputs.rows();
        let mut models = vec![("attached", base.with_adapter(adapter)?)];
        match base.with_rows(&vec![Some(adapter); rows]) {
            Ok(by_row) => models.push(("by row", by_row)),
            Err(Error::Adapter(AdapterError::SavedByRow { path })) if self.is_whole(&path) => {}
            Err(error) => return Err(error),
        }
        Ok(models)
    }

    /// Whether a parameter cannot differ between the rows of a batch: an embedding whose head stays tied to it cannot.
    fn is_whole(&self, parameter: &str) -> bool {
        let stays_tied =
            self.dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("embedding_layers"));
        stays_tied || WHOLE_BATCH.contains(&parameter)
    }

    fn logits(&self, model: &Model) -> Result<TensorData, Error> {
        Ok(model.module().forward(&self.inputs)?.cast(DType::F32).into_data())
    }

    /// The largest difference from the expected logits at real tokens, of the largest logit or of 1; NaN where a logit is.
    fn difference(&self, model: &Model, expected: &TensorData) -> Result<f64, Error> {
        let logits = self.logits(model)?;
        let (got, expected): (Vec<f64>, Vec<f64>) = (logits.iter().collect(), expected.iter().collect());
        assert_eq!(got.len(), expected.len());
        let largest = expected.iter().fold(1.0, |largest: f64, logit| largest.max(logit.abs()));
        let real = real(&self.inputs, self.expected.shape().as_slice());
        let apart = got.iter().zip(&expected).zip(real).filter(|(_, real)| *real);
        let differences = apart.map(|((got, expected), _)| (got - expected).abs() / largest);
        Ok(differences.fold(0.0, |worst, x| if x.is_nan() || x > worst { x } else { worst }))
    }
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
        "input_features",
        "pixel_values",
        "logits",
    ];
    ia3::io::read_tensors(path, &names).unwrap_or_else(|error| panic!("{error}")).into_iter().collect()
}

fn inputs(path: &Path, device: &Device) -> ModelInputs {
    let mut tensors = tensors(path);
    let features = tensors.remove("input_features");
    if let Some(pixels) = tensors.remove("pixel_values") {
        return ModelInputs::images(Tensor::from_data(pixels, device));
    }
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
        input_features: features.map(|features| Tensor::from_data(features, device)),
        ..ModelInputs::default()
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
