//! The `config.json` of a model that was made from the one in a folder.

use std::path::Path;

use burn::tensor::DType;
use ia3_core::visit_params;
use ia3_io::Checkpoint;
use ia3_models::{Model, ModelConfig, ModelError, Task};
use serde_json::{Map, Value};

use crate::base_config::config_of_base;
use crate::error::Error;
use crate::tied_tensors::with_head_of;

/// The text of `config.json` for a model that was made from the one in `base`; `None` if the `config.json` in its folder
/// fits. A GGUF file has none, so the text is made from its metadata.
///
/// It differs if a classifier has another number of classes, and if a head that was the embedding has a weight of its own now
/// (`tie_word_embeddings: false`), as after merging an adapter that replaces one of the two. T5 then also gets
/// `scale_decoder_outputs`, because transformers would take it from `tie_word_embeddings`.
///
/// # Errors
///
/// [`Error::ReadConfig`], [`Error::BadConfig`], and [`Error::Checkpoint`] if the weights of the base cannot be read.
pub fn config_text(model: &Model, base: &Path) -> Result<Option<String>, Error> {
    let (path, text) = config_of_base(base)?;
    let read = |source| Error::ReadConfig { path: path.clone(), source };
    let config =
        ModelConfig::from_json(&text).map_err(|source| Error::BadConfig { path: path.clone(), source })?;
    let mut fields: Map<String, Value> = serde_json::from_str(&text).map_err(|e| read(e.into()))?;
    let before = fields.clone();
    set_num_labels(&mut fields, model, &config);
    set_head(&mut fields, model, &config);
    check_decoder(&fields, model)?;
    set_own_head(&mut fields, model, config, base)?;
    if fields == before && base.is_dir() {
        return Ok(None);
    }
    let text = serde_json::to_string_pretty(&fields).map_err(|e| read(e.into()))?;
    Ok(Some(text + "\n"))
}

fn set_num_labels(fields: &mut Map<String, Value>, model: &Model, config: &ModelConfig) {
    let Some(labels) = model.num_labels() else { return };
    if config.head().is_some_and(|said| said.count() == labels) {
        return;
    }
    ["id2label", "label2id"].into_iter().for_each(|names| drop(fields.remove(names)));
    fields.insert("num_labels".into(), labels.into());
}

/// Says which head the model has, where it is another than `config.json` says.
fn set_head(fields: &mut Map<String, Value>, model: &Model, config: &ModelConfig) {
    let said = config.head();
    let task = said.map(|said| said.task);
    if let Some(class) = model.architecture().filter(|_| task != Some(model.task())) {
        fields.insert("architectures".into(), vec![class].into());
    }
    let problem = said.map(|said| said.problem());
    if let Some(found) = model.problem().filter(|found| Some(*found) != problem) {
        fields.insert("problem_type".into(), found.as_str().into());
    }
}

/// Refuses a masked language model whose decoder has got a weight of its own: transformers would look for its bias elsewhere.
fn check_decoder(fields: &Map<String, Value>, model: &Model) -> Result<(), Error> {
    const DECODERS: [&str; 4] =
        ["cls.predictions.decoder", "lm_head.decoder", "vocab_projector", "generator_lm_head"];
    let tied = fields.get("tie_word_embeddings").is_none_or(|tied| tied != false);
    let mut own = false;
    visit_params(model, |path, _| own |= DECODERS.iter().any(|d| path.to_string() == format!("{d}.weight")));
    if !own || !tied || model.task() != Task::MaskedLm {
        return Ok(());
    }
    let problem = "whose embedding an adapter replaces has a decoder of its own, which cannot be saved; leave the embedding out of \
                   `modules_to_save`, or run the model with the adapter attached";
    Err(ModelError::Unsupported { model_type: model.info().model_type.unwrap_or_default(), problem }.into())
}

fn set_own_head(
    fields: &mut Map<String, Value>,
    model: &Model,
    config: ModelConfig,
    base: &Path,
) -> Result<(), Error> {
    // BART would untie the embeddings of its stacks too. transformers sees by content that its head is another matrix.
    let by_content = matches!(config, ModelConfig::Bart(_));
    if config.tied_keys().is_none() || by_content || !has_own_head(model, config.head_key()) {
        return Ok(());
    }
    let of_base = with_head_of(config.clone(), &Checkpoint::open(base)?)?;
    if of_base.aliases().iter().all(|(_, other)| other != config.head_key()) {
        return Ok(());
    }
    fields.insert("tie_word_embeddings".into(), false.into());
    if let ModelConfig::T5(t5) = config
        && t5.model_type == "t5"
    {
        fields.insert("scale_decoder_outputs".into(), t5.scale_decoder_outputs.into());
    }
    Ok(())
}

/// Whether the head has a float weight of its own. A quantised one is announced by `quantization_config`.
fn has_own_head(model: &Model, head: &str) -> bool {
    let mut own = false;
    visit_params(model, |path, param| {
        let weight = param.as_float::<2>().filter(|_| path.to_string() == head);
        own |= weight.is_some_and(|weight| !matches!(weight.base().dtype(), DType::QFloat(_)));
    });
    own
}
