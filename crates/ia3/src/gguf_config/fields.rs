//! What the metadata of a GGUF file says of its model.

use ia3_gguf::{GgufError, GgufFile};
use serde_json::{Map, Value};

pub(super) struct Fields<'a> {
    pub(super) file: &'a GgufFile,
    /// The name of the architecture, which begins its keys.
    pub(super) name: &'static str,
}

impl Fields<'_> {
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.file.metadata().unsigned(&self.key(key))
    }

    pub(super) fn needed(&self, key: &str) -> Result<u64, GgufError> {
        self.number(key)?.ok_or_else(|| self.file.metadata().no_key(&self.key(key)))
    }

    /// A float, as the shortest decimal that is the float32 of the file.
    pub(super) fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        let float = self.file.metadata().float(&self.key(key))?;
        Ok(float.map(|value| (value as f32).to_string().parse().unwrap_or(value)))
    }

    pub(super) fn has(&self, tensor: &str) -> bool {
        self.file.tensor(tensor).is_some()
    }

    pub(super) fn vocab_size(&self) -> Result<u64, GgufError> {
        let (path, tensor) = (self.file.path().to_owned(), "token_embd.weight".to_owned());
        let embedding = self.file.tensor(&tensor).ok_or(GgufError::NoTensor { path, tensor })?;
        Ok(embedding.rows())
    }

    /// What the configurations of all architectures have.
    pub(super) fn common(&self, model_type: &str) -> Result<Map<String, Value>, GgufError> {
        let mut config = Map::new();
        config.insert("model_type".into(), model_type.into());
        config.insert("vocab_size".into(), self.vocab_size()?.into());
        config.insert("tie_word_embeddings".into(), (!self.has("output.weight")).into());
        let tokens = [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")];
        for (field, token) in tokens {
            let id = self.file.metadata().unsigned(&format!("tokenizer.ggml.{token}_token_id"))?;
            config.extend(id.map(|id| (field.to_owned(), id.into())));
        }
        Ok(config)
    }
}

/// Adds the fields of an object.
pub(super) fn extend(config: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        config.extend(fields);
    }
}
