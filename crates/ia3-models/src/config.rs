use std::sync::LazyLock;

use burn::tensor::Device;
use serde::Deserialize;

use crate::architecture::{ArchitectureConfig, HEAD, with_architectures};
use crate::config_field::read;
use crate::error::ModelError;
use crate::model::Model;
use crate::shape::{HasShape, Shape};

macro_rules! define_config {
    (() $($(#[$doc:meta])* $name:ident: $model:ty, $config:ty;)*) => {
        /// The configuration of a model of any supported architecture.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ModelConfig {
            $($(#[$doc])* $name($config),)*
        }

        /// The supported values of `model_type`, sorted.
        static KNOWN: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let mut known = [$(<$config>::MODEL_TYPES),*].concat();
            known.sort_unstable();
            known
        });
    };
}

with_architectures!(define_config!());

macro_rules! match_config {
    (($config:expr, $inner:ident => $body:expr) $($(#[$doc:meta])* $name:ident: $m:ty, $c:ty;)*) => {
        match $config {
            $(ModelConfig::$name($inner) => $body,)*
        }
    };
}

/// Evaluates an expression on the configuration of whichever architecture it is.
macro_rules! each {
    ($config:expr, $inner:ident => $body:expr) => {
        with_architectures!(match_config!($config, $inner => $body))
    };
}

macro_rules! read_by_type {
    (($found:expr, $text:expr) $($(#[$doc:meta])* $name:ident: $m:ty, $config:ty;)*) => {
        match $found {
            $(Some(found) if <$config>::MODEL_TYPES.contains(&found) => <$config>::read($text).map(Self::$name),)*
            Some(found) => Err(ModelError::UnknownModelType { found: found.into(), known: &KNOWN }),
            None => Err(ModelError::NoModelType { known: &KNOWN }),
        }
    };
}

macro_rules! init_model {
    (($this:expr, $device:expr) $($(#[$doc:meta])* $name:ident: $m:ty, $c:ty;)*) => {
        match $this {
            $(ModelConfig::$name(config) => Model::$name(config.init($device)),)*
        }
    };
}

impl ModelConfig {
    /// Reads Hugging Face's `config.json`.
    ///
    /// # Errors
    ///
    /// [`ModelError::UnknownModelType`] with the known ones, and whatever the architecture's own reader finds.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Type {
            model_type: Option<String>,
        }
        let model_type = read::<Type>(text, "any model", &[])?.model_type;
        with_architectures!(read_by_type!(model_type.as_deref(), text))
    }

    /// The number of ids of the vocabulary.
    pub fn vocab_size(&self) -> usize {
        each!(self, config => config.vocab_size)
    }

    /// The same with another number of classes, where it is a classifier; names of another number of classes are dropped.
    pub fn with_num_labels(mut self, labels: usize) -> Self {
        each!(&mut self, config => config.set_num_labels(labels));
        self
    }

    /// The sizes that the costs of the model need.
    pub(crate) fn shape(&self) -> Shape {
        each!(self, config => config.shape())
    }

    /// The names of a classifier's classes, in the order of their numbers, as `id2label` has them; empty where it has none.
    pub fn label_names(&self) -> Vec<String> {
        each!(self, config => config.label_names())
    }

    /// Hugging Face's `model_type`.
    pub fn model_type(&self) -> &str {
        each!(self, config => config.model_type())
    }

    /// The same model with its head tied to the embedding or apart from it, as the checkpoint's content tells.
    pub fn with_tied_head(mut self, tied: bool) -> Self {
        each!(&mut self, config => config.set_tied_head(tied));
        self
    }

    /// The checkpoint key of the head and the key it is tied to where the head has no weight of its own; `None` for
    /// a model whose head is never the embedding.
    ///
    /// T5 decides by the checkpoint alone, whatever `tie_word_embeddings` says, as in transformers.
    pub fn tied_keys(&self) -> Option<(&'static str, &'static str)> {
        each!(self, config => config.tied_embedding()).map(|embedding| (HEAD, embedding))
    }

    /// The checkpoint keys of tables that are the shared embedding unless the checkpoint holds another one there: (the
    /// table, the shared embedding). Only T5 has such tables.
    pub fn stack_embedding_keys(&self) -> Vec<(&'static str, &'static str)> {
        each!(self, config => config.stack_embeddings())
    }

    /// The same model with an embedding of its own under `key`, one of [`stack_embedding_keys`](Self::stack_embedding_keys).
    pub fn with_own_stack_embedding(mut self, key: &str) -> Self {
        each!(&mut self, config => config.set_own_stack_embedding(key));
        self
    }

    /// Other names under which a checkpoint may hold a tensor: (the model's, the other). A tied head is one.
    pub fn aliases(&self) -> Vec<(String, String)> {
        let aliases = each!(self, config => config.aliases());
        aliases.into_iter().map(|(name, other)| (name.to_string(), other.to_string())).collect()
    }

    /// The same model with a head of its own where the head was the embedding, and the [`aliases`](Self::aliases) by which a
    /// checkpoint of the tied model fills both.
    pub fn with_own_head(self) -> (Vec<(String, String)>, Self) {
        let (mut aliases, tied) = (self.aliases(), self.tied_keys());
        let apart = self.with_tied_head(false);
        let Some((head, embedding)) = tied else { return (aliases, apart) };
        let others = aliases.iter().map(|(_, other)| other.as_str()).filter(|other| *other != head);
        let names: Vec<String> = [embedding].into_iter().chain(others).map(str::to_string).collect();
        aliases.extend(names.into_iter().map(|name| (head.to_string(), name)));
        (aliases, apart)
    }

    /// The prefix of all names but the head's, which checkpoints of the model without its head leave out.
    pub fn base_model_prefix(&self) -> Option<&'static str> {
        fn prefix<C: ArchitectureConfig>(_: &C) -> Option<&'static str> {
            C::BASE_MODEL_PREFIX
        }
        each!(self, config => prefix(config))
    }

    /// Modules that a checkpoint need not hold: they come from an adapter, or start fresh.
    pub fn optional_modules(&self) -> &'static [&'static str] {
        fn optional<C: ArchitectureConfig>(_: &C) -> &'static [&'static str] {
            C::OPTIONAL_MODULES
        }
        each!(self, config => optional(config))
    }

    /// A freshly initialised model; nothing is allocated before a weight is read.
    pub fn init(&self, device: &Device) -> Model {
        with_architectures!(init_model!(self, device))
    }
}
