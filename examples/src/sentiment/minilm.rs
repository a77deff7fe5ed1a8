use std::path::Path;

use anyhow::bail;
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use ia3::models::Model as Module;
use ia3::{Model, ModelConfig, PretrainedOptions, Task};

/// MiniLM's own dropout, of states and of attention weights.
pub const DROPOUT: f64 = 0.1;

/// MiniLM from a folder, with a fresh head for two classes that `seed` draws, and with this dropout.
///
/// # Errors
///
/// A folder that holds no BERT.
pub fn minilm(dir: &Path, dropout: f64, seed: u64, device: &Device) -> anyhow::Result<Model> {
    let config = ia3::read_config(dir)?.with_task(Task::SequenceClassification)?.with_num_labels(2);
    let config = match config {
        ModelConfig::Bert(mut bert) => {
            (bert.hidden_dropout_prob, bert.attention_probs_dropout_prob) = (dropout, dropout);
            ModelConfig::Bert(bert)
        }
        other => bail!("the base is of type {}, expected bert", other.model_type()),
    };
    device.seed(seed);
    Ok(Model::from_pretrained_with(dir, &PretrainedOptions::new().with_config(config), device)?)
}

/// The model with the head of a safetensors file that PyTorch wrote: `classifier.weight` `[2, d]`, `classifier.bias` `[2]`.
///
/// # Errors
///
/// A file without them, or a model without a head.
pub fn with_head(model: Model, file: &Path, device: &Device) -> anyhow::Result<Model> {
    let head = ia3::io::Checkpoint::open(file)?;
    let Module::Bert(mut bert) = model.module().clone() else {
        bail!("the model is no BERT, so it has no head")
    };
    let weight: Tensor<2> = Tensor::from_data(head.tensor("classifier.weight")?, device);
    let bias = Tensor::from_data(head.tensor("classifier.bias")?, device);
    let Some(classifier) = bert.head.layer_mut("classifier") else { bail!("the model has no classifier") };
    classifier.weight = Param::from_tensor(weight.transpose());
    classifier.bias = Some(Param::from_tensor(bias));
    Ok(model.with_module(Module::Bert(bert))?)
}
