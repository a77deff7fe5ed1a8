//! Which tensors of a model share their weights, by the content of its checkpoint.

use ia3_io::Checkpoint;
use ia3_models::ModelConfig;

use crate::error::Error;

/// The configuration with its head tied to the embedding unless the checkpoint holds another head, where the model may
/// tie it at all; and with the embeddings of the stacks of an encoder-decoder, where they differ from the shared one.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read.
pub fn with_head_of(config: ModelConfig, checkpoint: &Checkpoint) -> Result<ModelConfig, Error> {
    let config = with_optional_tensors_of(config, checkpoint);
    let Some((_, embedding)) = config.tied_keys() else {
        // The stacks of an encoder-decoder without a language-model head share their embedding too.
        return if config.head().is_some() {
            with_stack_embeddings_of(config, checkpoint)
        } else {
            Ok(config)
        };
    };
    let heads = config.head_keys();
    let head = heads.iter().find(|name| checkpoint.contains(name));
    let tied = match (head, name_in(checkpoint, &config, embedding)) {
        _ if heads.iter().any(|head| checkpoint.contains_integers(head)) => false,
        (Some(head), Some(embedding)) => checkpoint.same_bytes(head, &embedding)?,
        // The file holds one of the two, or none: the head and the embedding share it.
        _ => true,
    };
    with_stack_embeddings_of(config.with_tied_head(tied), checkpoint)
}

/// The name under which the checkpoint holds the tensor `key` of the model: with the prefix of the base model, without it, or
/// with it twice.
fn name_in(checkpoint: &Checkpoint, config: &ModelConfig, key: &str) -> Option<String> {
    let prefix = config.base_model_prefix().unwrap_or_default();
    let bare = key.strip_prefix(prefix).unwrap_or(key);
    let names = [key.to_string(), bare.to_string(), format!("{prefix}{key}")];
    names.into_iter().find(|name| checkpoint.contains(name))
}

/// The configuration with those optional tensors that the checkpoint holds.
fn with_optional_tensors_of(config: ModelConfig, checkpoint: &Checkpoint) -> ModelConfig {
    let keys = config.optional_tensors().into_iter();
    let held: Vec<&str> = keys.filter(|key| name_in(checkpoint, &config, key).is_some()).collect();
    held.into_iter().fold(config, ModelConfig::with_optional_tensor)
}

/// The configuration with the tables that the checkpoint holds beside the shared embedding and that differ from it. If the
/// checkpoint holds no shared embedding, a tied head or the first of the tables takes its place, as in transformers.
fn with_stack_embeddings_of(config: ModelConfig, checkpoint: &Checkpoint) -> Result<ModelConfig, Error> {
    let tables = config.stack_embedding_keys();
    let Some((_, shared)) = tables.first().copied() else { return Ok(config) };
    let tied = |head: &str| config.aliases().iter().any(|(_, other)| other == head);
    let head = config.tied_keys().map(|(head, _)| head).filter(|head| tied(head));
    let places = [shared].into_iter().chain(head).chain(tables.iter().map(|(table, _)| *table));
    let in_file = |key| name_in(checkpoint, &config, key);
    let Some(shared) = places.filter_map(in_file).next() else { return Ok(config) };
    let mut own = vec![];
    for (table, _) in tables {
        if let Some(name) = in_file(table)
            && name != shared
            && !checkpoint.same_bytes(&name, &shared)?
        {
            own.push(table);
        }
    }
    Ok(own.into_iter().fold(config, ModelConfig::with_own_stack_embedding))
}
