use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::core::Adapter;
use ia3::models::{Model, ProblemType};
use ia3::{ModelInputs, Task};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::common::device;
use crate::compare::Comparison;

/// A tensor of the corpus; float64 holds float32 and small integers exactly.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

/// The tensors of a file, which notes what was asked for.
pub(crate) struct Tensors {
    name: String,
    tensors: BTreeMap<String, Values>,
    asked: RefCell<BTreeSet<String>>,
}

/// One architecture of the corpus.
pub(crate) struct Case {
    pub(crate) dir: PathBuf,
    pub(crate) device: Device,
    pub(crate) model: Model,
    pub(crate) io: Tensors,
    pub(crate) train: Tensors,
    pub(crate) meta: Value,
}

impl Case {
    pub(crate) fn open(dir: &Path) -> Self {
        let device = device();
        let base = ia3::from_pretrained(dir.join("base"), &device);
        let model = base.unwrap_or_else(|error| panic!("{}: {error}", dir.display())).model;
        let meta = std::fs::read_to_string(dir.join("meta.json")).unwrap();
        Self {
            model,
            device,
            io: Tensors::read(&dir.join("io.safetensors")),
            train: Tensors::read(&dir.join("train.safetensors")),
            meta: serde_json::from_str(&meta).unwrap(),
            dir: dir.into(),
        }
    }

    pub(crate) fn adapter(&self, name: &str) -> Adapter {
        let dir = self.dir.join(name);
        ia3::io::load_adapter(&dir, &self.model.info(), &self.device)
            .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
    }

    /// The inputs stored under `prefix`.
    pub(crate) fn inputs(&self, prefix: &str) -> ModelInputs {
        let ids = |name: &str| self.io.ids(&format!("{prefix}{name}"), &self.device);
        ModelInputs {
            input_ids: ids("input_ids"),
            attention_mask: ids("attention_mask"),
            decoder_input_ids: ids("decoder_input_ids"),
            decoder_attention_mask: ids("decoder_attention_mask"),
            token_type_ids: ids("token_type_ids"),
            position_ids: ids("position_ids"),
            input_features: self.io.features(&format!("{prefix}input_features"), &self.device),
            pixel_values: self.io.images(&format!("{prefix}pixel_values"), &self.device),
            ..ModelInputs::default()
        }
    }

    /// The loss of the corpus: that of the labels, and of a model without a head the mean square of its hidden states at real
    /// tokens and that of its pooler.
    pub(crate) fn loss(&self, model: &Model) -> Tensor<1> {
        let inputs = self.inputs("");
        if model.task() == Task::FeatureExtraction {
            let output = model.forward_traced(&inputs).unwrap();
            let [_, _, d] = output.logits.dims();
            let states = match inputs.attention_mask {
                None => output.logits.square().mean(),
                Some(mask) => {
                    let mask = mask.float();
                    let count = mask.clone().sum().mul_scalar(d as f64);
                    (output.logits.square() * mask.unsqueeze_dim(2)).sum() / count
                }
            };
            return states + output.pooler_output.unwrap().square().mean();
        }
        match model.problem() {
            Some(ProblemType::Regression | ProblemType::MultiLabelClassification) => {
                let labels = self.io.get("labels").expect("labels");
                let values: Vec<f32> = labels.values.iter().map(|v| *v as f32).collect();
                let shape = [labels.shape[0], labels.shape[1]];
                let values = Tensor::from_data(TensorData::new(values, shape), &self.device);
                model.value_losses(&inputs, values).unwrap().mean()
            }
            _ => model.loss(&inputs, self.labels()).unwrap(),
        }
    }

    /// `[batch, seq]`, or `[batch, 1]` for a classifier.
    fn labels(&self) -> Tensor<2, Int> {
        self.io.ids("labels", &self.device).expect("labels")
    }

    /// Where a mask of the corpus is 1.
    pub(crate) fn mask(&self, name: &str) -> Vec<bool> {
        self.io.get(name).map(|m| m.values.iter().map(|&v| v == 1.0).collect()).unwrap_or_default()
    }

    /// Where logits count: at real tokens of the decoder, or of the only stack; all of a classifier of sequences.
    pub(crate) fn real(&self) -> Vec<bool> {
        match self.model.task() {
            Task::Seq2SeqLm | Task::SpeechSeq2Seq => self.mask("decoder_attention_mask"),
            Task::SequenceClassification => vec![],
            _ => self.mask("attention_mask"),
        }
    }

    /// No tensor of the corpus was left uncompared.
    pub(crate) fn all_read(&self, comparison: &mut Comparison) {
        for tensors in [&self.io, &self.train] {
            let asked = tensors.asked.borrow();
            for name in tensors.tensors.keys().filter(|n| !asked.contains(*n)) {
                comparison.problem(format!("{name} of {} was compared with nothing", tensors.name));
            }
        }
    }
}

impl Tensors {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let values = |(name, view): (String, safetensors::tensor::TensorView)| {
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F32 => chunks(data, |b| f32::from_le_bytes(b).into()),
                Dtype::F64 => chunks(data, f64::from_le_bytes),
                Dtype::I64 => chunks(data, |b| i64::from_le_bytes(b) as f64),
                other => panic!("{name} is {other:?}"),
            };
            (name, Values { shape: view.shape().to_vec(), values })
        };
        Self {
            name: path.file_name().unwrap().to_string_lossy().to_string(),
            tensors: file.tensors().into_iter().map(values).collect(),
            asked: RefCell::default(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Values> {
        self.asked.borrow_mut().insert(name.into());
        self.tensors.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    fn images(&self, name: &str, device: &Device) -> Option<Tensor<4>> {
        let images = self.get(name)?;
        let values: Vec<f32> = images.values.iter().map(|&v| v as f32).collect();
        Some(Tensor::from_data(TensorData::new(values, images.shape.clone()), device))
    }

    fn ids(&self, name: &str, device: &Device) -> Option<Tensor<2, Int>> {
        let ids = self.get(name)?;
        let values: Vec<i64> = ids.values.iter().map(|&v| v as i64).collect();
        let rows = ids.shape[0];
        Some(Tensor::from_data(TensorData::new(values, [rows, ids.values.len() / rows]), device))
    }
}

impl Tensors {
    fn features(&self, name: &str, device: &Device) -> Option<Tensor<3>> {
        let features = self.get(name)?;
        let values: Vec<f32> = features.values.iter().map(|&v| v as f32).collect();
        Some(Tensor::from_data(TensorData::new(values, features.shape.clone()), device))
    }
}

fn chunks<const N: usize>(data: &[u8], f: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    data.chunks_exact(N).map(|c| f(c.try_into().unwrap())).collect()
}

/// The values of a tensor of ours.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
