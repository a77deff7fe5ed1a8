use burn::tensor::Device;
use serde::Deserialize;

use crate::bert::BertConfig;
use crate::config_field::read;
use crate::error::ModelError;
use crate::falcon::FalconConfig;
use crate::gpt2::GPT2Config;
use crate::llama::LlamaConfig;
use crate::model::Model;
use crate::t5::T5Config;

/// The values of `model_type` there is a model for.
const KNOWN: &[&str] =
    &["RefinedWeb", "RefinedWebModel", "bert", "falcon", "gpt2", "llama", "mistral", "mt5", "qwen2", "t5"];

/// The configuration of any model there is: the one place that turns a `model_type` into a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelConfig {
    /// T5 or mT5.
    T5(T5Config),
    /// GPT-2.
    GPT2(GPT2Config),
    /// Falcon.
    Falcon(FalconConfig),
    /// Llama, Mistral or Qwen2.
    Llama(LlamaConfig),
    /// BERT as a sequence classifier.
    Bert(BertConfig),
}

/// The tables of T5's encoder and decoder.
const STACK_TABLES: [&str; 2] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

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
        match read::<Type>(text, "any model", &[])?.model_type.as_deref() {
            Some("t5" | "mt5") => T5Config::from_json(text).map(Self::T5),
            Some("gpt2") => GPT2Config::from_json(text).map(Self::GPT2),
            Some("falcon" | "RefinedWeb" | "RefinedWebModel") => {
                FalconConfig::from_json(text).map(Self::Falcon)
            }
            Some("llama" | "mistral" | "qwen2") => LlamaConfig::from_json(text).map(Self::Llama),
            Some("bert") => BertConfig::from_json(text).map(Self::Bert),
            Some(found) => Err(ModelError::UnknownModelType { found: found.into(), known: KNOWN }),
            None => Err(ModelError::NoModelType { known: KNOWN }),
        }
    }

    /// The same with another number of classes, where it is a classifier; names of another number of classes are dropped.
    pub fn with_num_labels(mut self, labels: usize) -> Self {
        if let Self::Bert(config) = &mut self {
            config.num_labels = Some(labels);
            config.id2label = config.id2label.take().filter(|names| names.len() == labels);
        }
        self
    }

    /// The names of a classifier's classes, in the order of their numbers, as `id2label` has them; empty where it has none.
    pub fn label_names(&self) -> Vec<String> {
        let Self::Bert(config) = self else { return vec![] };
        let names = config.id2label.iter().flatten();
        let mut names: Vec<(usize, &String)> =
            names.filter_map(|(number, name)| Some((number.parse().ok()?, name))).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Hugging Face's `model_type`.
    pub fn model_type(&self) -> &str {
        match self {
            Self::T5(c) => &c.model_type,
            Self::GPT2(_) => "gpt2",
            Self::Falcon(c) => &c.model_type,
            Self::Llama(c) => &c.model_type,
            Self::Bert(_) => "bert",
        }
    }

    /// The same model with its head tied to the embedding or apart from it, as the checkpoint's content tells.
    pub fn with_tied_head(mut self, tied: bool) -> Self {
        match &mut self {
            Self::T5(c) => c.tie_lm_head = tied,
            Self::GPT2(c) => c.tie_word_embeddings = tied,
            Self::Falcon(c) => c.tie_word_embeddings = tied,
            Self::Llama(c) => c.tie_word_embeddings = tied,
            Self::Bert(_) => {}
        }
        self
    }

    /// The checkpoint key of the head and the key it is tied to where the head has no weight of its own; `None` for
    /// a model whose head is never the embedding.
    ///
    /// T5 decides by the checkpoint alone, whatever `tie_word_embeddings` says, as in transformers.
    pub fn tied_keys(&self) -> Option<(&'static str, &'static str)> {
        let embedding = match self {
            Self::T5(_) => "shared.weight",
            Self::GPT2(c) if c.tie_word_embeddings => "transformer.wte.weight",
            Self::Falcon(c) if c.tie_word_embeddings => "transformer.word_embeddings.weight",
            Self::Llama(c) if c.tie_word_embeddings => "model.embed_tokens.weight",
            _ => return None,
        };
        Some(("lm_head.weight", embedding))
    }

    /// The checkpoint keys of tables that are the shared embedding unless the checkpoint holds another one there: (the
    /// table, the shared embedding). Only T5 has such tables.
    pub fn stack_embedding_keys(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::T5(_) => STACK_TABLES.into_iter().map(|table| (table, "shared.weight")).collect(),
            _ => vec![],
        }
    }

    /// The same model with an embedding of its own under `key`, one of [`stack_embedding_keys`](Self::stack_embedding_keys).
    pub fn with_own_stack_embedding(mut self, key: &str) -> Self {
        if let Self::T5(config) = &mut self {
            config.own_encoder_embedding |= key == STACK_TABLES[0];
            config.own_decoder_embedding |= key == STACK_TABLES[1];
        }
        self
    }

    /// Other names under which a checkpoint may hold a tensor: (the model's, the other). A tied head is one.
    pub fn aliases(&self) -> Vec<(String, String)> {
        let alias = |name: &str, other: &str| (name.to_string(), other.to_string());
        match self {
            Self::T5(c) => {
                let [encoder, decoder] = STACK_TABLES;
                let encoder = (!c.own_encoder_embedding).then_some(encoder);
                let decoder = (!c.own_decoder_embedding).then_some(decoder);
                let head = c.tie_lm_head.then_some("lm_head.weight");
                let others = [encoder, decoder, head].into_iter().flatten();
                others.map(|other| alias("shared.weight", other)).collect()
            }
            _ => self.tied_keys().map(|(head, embedding)| alias(embedding, head)).into_iter().collect(),
        }
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
        match self {
            Self::T5(_) => None,
            Self::GPT2(_) | Self::Falcon(_) => Some("transformer."),
            Self::Llama(_) => Some("model."),
            Self::Bert(_) => Some("bert."),
        }
    }

    /// Modules that a checkpoint need not hold: they come from an adapter, or start fresh.
    pub fn optional_modules(&self) -> &'static [&'static str] {
        match self {
            Self::Bert(_) => &["classifier", "bert.pooler.dense"],
            _ => &[],
        }
    }

    /// A freshly initialised model; nothing is allocated before a weight is read.
    pub fn init(&self, device: &Device) -> Model {
        match self {
            Self::T5(c) => Model::T5(c.init(device)),
            Self::GPT2(c) => Model::GPT2(c.init(device)),
            Self::Falcon(c) => Model::Falcon(c.init(device)),
            Self::Llama(c) => Model::Llama(c.init(device)),
            Self::Bert(c) => Model::Bert(c.init(device)),
        }
    }
}
