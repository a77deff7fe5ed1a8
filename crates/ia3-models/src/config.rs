use std::sync::LazyLock;

use burn::tensor::Device;
use serde::Deserialize;

use crate::architecture::{ArchitectureConfig, with_architectures};
use crate::config_field::read;
use crate::encoder::{HeadConfig, ProblemType};
use crate::error::ModelError;
use crate::image::ImageShape;
use crate::input_features::SoundShape;
use crate::model::Model;
use crate::shape::{HasShape, Shape};
use crate::task::Task;

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
    /// The values of `model_type` that [`from_json`](Self::from_json) reads, sorted.
    pub fn model_types() -> &'static [&'static str] {
        &KNOWN
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// # Errors
    ///
    /// - [`ModelError::UnknownModelType`], [`ModelError::NoModelType`]: the `model_type` is unknown or missing. The error lists
    ///   the known types.
    /// - The errors of the `from_json` of the architecture.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Type {
            model_type: Option<String>,
        }
        let model_type = read::<Type>(text, "any model", &[])?.model_type;
        with_architectures!(read_by_type!(model_type.as_deref(), text))
    }

    /// The number of ids of the vocabulary, or 0 for a model of images.
    pub fn vocab_size(&self) -> usize {
        each!(self, config => ArchitectureConfig::vocab_size(config))
    }

    /// The shape of the images that the model reads, or `None` for a model of texts.
    pub fn image(&self) -> Option<ImageShape> {
        each!(self, config => ArchitectureConfig::image(config))
    }

    /// The shape of the features of sound that the model reads, or `None` for other models.
    pub fn sound(&self) -> Option<SoundShape> {
        each!(self, config => ArchitectureConfig::sound(config))
    }

    /// Sets the number of classes if the model is a classifier. Names of classes are dropped if their number differs.
    pub fn with_num_labels(mut self, labels: usize) -> Self {
        if let Some(head) = each!(&mut self, config => config.head_mut()) {
            head.set_count(labels);
        }
        self
    }

    /// The sizes that the costs of the model need.
    pub(crate) fn shape(&self) -> Shape {
        each!(self, config => config.shape())
    }

    /// The names of a classifier's classes from `id2label`, in the order of their numbers. The list is empty if there are no
    /// names.
    pub fn label_names(&self) -> Vec<String> {
        self.head().map(HeadConfig::names).unwrap_or_default()
    }

    /// The head of an encoder or of a classifier, or `None` for a language model.
    pub fn head(&self) -> Option<&HeadConfig> {
        each!(self, config => ArchitectureConfig::head(config))
    }

    /// Gives the model the head for another task than the one that `architectures` chooses: an encoder for each of
    /// [`Task::OF_ENCODERS`], a decoder for the classification of sequences or for language.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unsupported`]: the model has no head for this task.
    pub fn with_task(mut self, task: Task) -> Result<Self, ModelError> {
        if each!(&mut self, config => config.set_task(task)) {
            return Ok(self);
        }
        let model_type = self.model_type().to_string();
        Err(ModelError::Unsupported { model_type, problem: "has no head for this task" })
    }

    /// Sets the kind of a classification of sequences.
    pub fn with_problem_type(mut self, problem: ProblemType) -> Self {
        if let Some(head) = each!(&mut self, config => config.head_mut()) {
            head.problem_type = Some(problem);
        }
        self
    }

    /// The path of the layer that computes the logits of a classifier, such as `classifier` or `score`, or `None` for a language
    /// model.
    pub fn classifier(&self) -> Option<&'static str> {
        each!(self, config => config.classifier())
    }

    /// Hugging Face's `model_type`.
    pub fn model_type(&self) -> &str {
        each!(self, config => ArchitectureConfig::model_type(config))
    }

    /// Sets whether the head is tied to the embedding. The content of a checkpoint determines this.
    pub fn with_tied_head(mut self, tied: bool) -> Self {
        each!(&mut self, config => config.set_tied_head(tied));
        self
    }

    /// The checkpoint key of the head and the key of the embedding that it is tied to. It is `None` if the head is not tied.
    ///
    /// For T5 it is always given, because only the content of the checkpoint determines whether the head is tied, whatever
    /// `tie_word_embeddings` is, as in transformers.
    pub fn tied_keys(&self) -> Option<(&'static str, &'static str)> {
        each!(self, config => config.tied_embedding()).map(|embedding| (self.head_key(), embedding))
    }

    /// The checkpoint key of the language-model head: `lm_head.weight`, or `proj_out.weight` in Whisper.
    pub fn head_key(&self) -> &'static str {
        fn key<C: ArchitectureConfig>(_: &C) -> &'static str {
            C::HEAD
        }
        each!(self, config => key(config))
    }

    /// Sets whether the states of the model are float32 where its weights are in half precision. The model then computes what it
    /// would with the same weights in float32. Otherwise its states have the dtype of the embedding, as in transformers.
    pub fn with_float32_states(mut self, float32: bool) -> Self {
        each!(&mut self, config => config.set_float32_states(float32));
        self
    }

    /// The checkpoint keys that the head may have, its own first. Older versions of transformers gave that of GPT-NeoX another
    /// one.
    pub fn head_keys(&self) -> Vec<&'static str> {
        fn old<C: ArchitectureConfig>(_: &C) -> Option<&'static str> {
            C::OLD_HEAD
        }
        [self.head_key()].into_iter().chain(each!(self, config => old(config))).collect()
    }

    /// The checkpoint keys of embeddings that are the shared embedding unless the checkpoint holds another one under their key.
    /// Each entry is the key of the embedding and the key of the shared embedding. Only T5 has such embeddings.
    pub fn stack_embedding_keys(&self) -> Vec<(&'static str, &'static str)> {
        each!(self, config => config.stack_embeddings())
    }

    /// Gives the model an embedding of its own under `key`, which is one of
    /// [`stack_embedding_keys`](Self::stack_embedding_keys).
    pub fn with_own_stack_embedding(mut self, key: &str) -> Self {
        each!(&mut self, config => config.set_own_stack_embedding(key));
        self
    }

    /// The checkpoint keys of tensors that the model computes, or leaves out, unless the checkpoint holds them. Only the kin of
    /// BART have such tensors.
    pub fn optional_tensors(&self) -> Vec<&'static str> {
        each!(self, config => config.optional_tensors())
    }

    /// Gives the model the tensor of `key`, which is one of [`optional_tensors`](Self::optional_tensors).
    pub fn with_optional_tensor(mut self, key: &str) -> Self {
        each!(&mut self, config => config.set_optional_tensor(key));
        self
    }

    /// Other names under which a checkpoint may hold a tensor. Each entry is the name in the model and the other name. The name
    /// of a tied head is an example.
    pub fn aliases(&self) -> Vec<(String, String)> {
        [self.ties(), each!(self, config => config.other_names())].concat()
    }

    /// Other names of the head, or of the embedding that it is tied to, and of other tensors that are tied.
    fn ties(&self) -> Vec<(String, String)> {
        let aliases = each!(self, config => config.aliases());
        aliases.into_iter().map(|(name, other)| (name.to_string(), other.to_string())).collect()
    }

    /// Gives the model a head of its own if its head is the embedding. It also returns the [`aliases`](Self::aliases) with which
    /// a checkpoint of the tied model fills both.
    pub fn with_own_head(self) -> (Vec<(String, String)>, Self) {
        let (mut aliases, ties, tied) = (self.aliases(), self.ties(), self.tied_keys());
        let apart = self.with_tied_head(false);
        let Some((head, embedding)) = tied else { return (aliases, apart) };
        let others = ties.iter().map(|(_, other)| other.as_str()).filter(|other| *other != head);
        let names: Vec<String> = [embedding].into_iter().chain(others).map(str::to_string).collect();
        aliases.extend(names.into_iter().map(|name| (head.to_string(), name)));
        (aliases, apart)
    }

    /// The prefix of all names except those of the head. Checkpoints of the model without its head do not have this prefix.
    pub fn base_model_prefix(&self) -> Option<&'static str> {
        each!(self, config => config.base_model_prefix())
    }

    /// The modules that a checkpoint may leave out, because an adapter holds them or they are freshly initialised.
    pub fn optional_modules(&self) -> &'static [&'static str] {
        each!(self, config => config.optional_modules())
    }

    /// Names of modules whose weights stay in float32 where a checkpoint in float32 is loaded as float16, as in transformers.
    pub fn keep_in_float32(&self) -> &'static [&'static str] {
        fn kept<C: ArchitectureConfig>(_: &C) -> &'static [&'static str] {
            C::KEEP_IN_FLOAT32
        }
        each!(self, config => kept(config))
    }

    /// A freshly initialised model; nothing is allocated before a weight is read.
    pub fn init(&self, device: &Device) -> Model {
        with_architectures!(init_model!(self, device))
    }
}
