use std::path::Path;

use burn::tensor::{Device, FloatDType};
use ia3_core::{Quantization, QuantizeReport, with_integer_products};
use ia3_guard::{Limit, read_text};
use ia3_io::fs::{UNFINISHED, file_names, is_commit};
use ia3_io::{Checkpoint, LoadOptions, LoadReport};
use ia3_models::{Model, ModelConfig};

use crate::error::Error;
use crate::gguf_config;

/// A model read from a Hugging Face folder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pretrained {
    /// The model.
    pub model: Model,
    /// Its configuration, with the head tied or not as the checkpoint's content says.
    pub config: ModelConfig,
    /// What was loaded, and which tensors of the file had no use.
    pub report: LoadReport,
    /// What quantising it while loading did, where that was asked for.
    pub quantized: Option<QuantizeReport>,
}

/// Reads `config.json` of a Hugging Face folder, or makes it from the metadata of a GGUF file.
///
/// # Errors
///
/// [`Error::ReadConfig`] and [`Error::BadConfig`]; for a GGUF file [`Error::Gguf`].
pub fn read_config(dir: impl AsRef<Path>) -> Result<ModelConfig, Error> {
    if gguf_config::is_gguf(dir.as_ref()) {
        let (path, text) = (dir.as_ref().to_owned(), gguf_config::config_text(dir.as_ref())?);
        return ModelConfig::from_json(&text).map_err(|source| Error::BadConfig { path, source });
    }
    let path = dir.as_ref().join("config.json");
    match read_text(&path, Limit::CONFIG) {
        Ok(text) => ModelConfig::from_json(&text).map_err(|source| Error::BadConfig { path, source }),
        Err(_) if file_names(dir.as_ref()).iter().any(|name| is_commit(name)) => {
            Err(Error::ReadConfig { path, source: std::io::Error::other(UNFINISHED) })
        }
        Err(error) => Err(Error::ReadConfig { path, source: error.reason() }),
    }
}

/// How to read a model from a Hugging Face folder. The default reads it as it is.
///
/// ```no_run
/// use ia3::{Bits, PretrainedOptions};
///
/// let options = PretrainedOptions::new().with_quantization(Bits::Eight);
/// let base = options.load("t5-base", &ia3::device(None)?)?;
/// println!("{:?}", base.quantized.map(|report| report.worst()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PretrainedOptions {
    /// A configuration that replaces the folder's own `config.json`.
    pub config: Option<ModelConfig>,
    /// The number of classes of a classifier, where it is not that of the configuration.
    pub num_labels: Option<usize>,
    /// The dtype of the weights: float32, float16 or bfloat16. `None` keeps the dtype of the file, or of most of its values
    /// where it holds several; float64 becomes float32.
    pub dtype: Option<FloatDType>,
    /// Quantises the linear layers while they are read, see [`with_quantization`](Self::with_quantization).
    pub quantization: Option<Quantization>,
    /// Whether quantised weights are multiplied in integers, see [`with_fast_integers`](Self::with_fast_integers).
    pub fast_integers: bool,
}

impl PretrainedOptions {
    /// Reads the folder as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the folder's own configuration.
    pub fn with_config(mut self, config: ModelConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Sets the number of classes of a classifier whose head the checkpoint does not hold.
    pub fn with_num_labels(mut self, labels: usize) -> Self {
        self.num_labels = Some(labels);
        self
    }

    /// Sets the dtype of the weights: float32, float16 or bfloat16. `None` keeps the dtype of the file; float64 becomes
    /// float32.
    pub fn with_dtype(mut self, dtype: impl Into<Option<FloatDType>>) -> Self {
        self.dtype = dtype.into();
        self
    }

    /// Quantises the linear layers one after the other ([`quantize`](crate::quantize)), so that at most one of them is in
    /// memory in float32 at a time. A head that is to be quantised and shares its weight with the embedding gets a weight
    /// of its own ([`Model::with_own_head`]).
    pub fn with_quantization(mut self, quantization: impl Into<Quantization>) -> Self {
        self.quantization = Some(quantization.into());
        self
    }

    /// Sets whether quantised weights are multiplied in integers ([`with_integer_products`]) where a product has few rows, as
    /// in generation. This is faster and less exact. Weights of floats are not changed.
    pub fn with_fast_integers(mut self, fast: bool) -> Self {
        self.fast_integers = fast;
        self
    }

    /// Loads a model from a Hugging Face folder: `config.json` and `model.safetensors`, sharded or not; or from a GGUF file
    /// of llama.cpp, whose quantised tensors become float32 or the dtype asked for.
    ///
    /// The head is tied to the embedding where the checkpoint holds no other head: by content, as
    /// transformers does. T5 may always tie it, other models where `tie_word_embeddings` says so. Names may have the
    /// model's prefix or lack it (`bert.encoder…`, `encoder…`). A classifier that is not in the file starts fresh and is
    /// in [`LoadReport::missing`]. A quantised base that [`save_checkpoint`](ia3_io::save_checkpoint) wrote is loaded as
    /// one.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] naming every tensor that is missing or has another shape, and what [`read_config`] finds.
    pub fn load(&self, dir: impl AsRef<Path>, device: &Device) -> Result<Pretrained, Error> {
        let config = match &self.config {
            Some(config) => config.clone(),
            None => read_config(&dir)?,
        };
        let config = match self.num_labels {
            Some(labels) => config.with_num_labels(labels),
            None => config,
        };
        let checkpoint = Checkpoint::open(&dir)?;
        let config = with_head_of(config, &checkpoint)?;
        let (mut options, config) = self.for_checkpoint(config);
        options.dtype = options.dtype.or_else(|| checkpoint.main_dtype_of_several());
        let model = config.init(device);
        let (model, report, quantized) = match self.quantization {
            None => checkpoint.load_with(model, &options).map(|(model, report)| (model, report, None))?,
            Some(how) => {
                let (model, report, quantized) = checkpoint.load_quantized_with(model, how, &options)?;
                (model, report, Some(quantized))
            }
        };
        let model = if self.fast_integers { with_integer_products(model) } else { model };
        Ok(Pretrained { model, config, report, quantized })
    }

    /// How the checkpoint is read, and the configuration of what it is read into.
    fn for_checkpoint(&self, config: ModelConfig) -> (LoadOptions, ModelConfig) {
        let (aliases, config) = match self.quantization {
            Some(Quantization { head: true, .. }) => config.with_own_head(),
            _ => (config.aliases(), config),
        };
        let optional = config.optional_modules().iter().map(|module| module.to_string()).collect();
        let kept = config.keep_in_float32().iter().map(|module| module.to_string()).collect();
        let mut options =
            LoadOptions::new().with_aliases(aliases).with_optional(optional).with_keep_in_float32(kept);
        options.prefix = config.base_model_prefix().map(str::to_string);
        options.dtype = self.dtype;
        (options, config)
    }
}

/// Loads a model from a Hugging Face folder as it is; [`PretrainedOptions::load`] says how.
///
/// # Errors
///
/// The errors are those of [`PretrainedOptions::load`].
pub fn from_pretrained(dir: impl AsRef<Path>, device: &Device) -> Result<Pretrained, Error> {
    PretrainedOptions::default().load(dir, device)
}

/// The configuration with its head tied to the embedding unless the checkpoint holds another head, where the model may
/// tie it at all; and with the embeddings of T5's stacks, where they differ from the shared one.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file cannot be read.
pub fn with_head_of(config: ModelConfig, checkpoint: &Checkpoint) -> Result<ModelConfig, Error> {
    let Some((_, embedding)) = config.tied_keys() else { return Ok(config) };
    let prefix = config.base_model_prefix().unwrap_or_default();
    // The prefix may stand once, not at all, or twice.
    let bare = embedding.strip_prefix(prefix).unwrap_or(embedding);
    let names = [embedding.to_string(), bare.to_string(), format!("{prefix}{embedding}")];
    let embedding = names.iter().find(|name| checkpoint.contains(name));
    let heads = config.head_keys();
    let head = heads.iter().find(|name| checkpoint.contains(name));
    let tied = match (head, embedding) {
        _ if heads.iter().any(|head| checkpoint.contains_integers(head)) => false,
        (Some(head), Some(embedding)) => checkpoint.same_bytes(head, embedding)?,
        // The file holds one of the two, or none: the head and the embedding share it.
        _ => true,
    };
    with_stack_embeddings_of(config.with_tied_head(tied), checkpoint)
}

/// The configuration with the tables that the checkpoint holds beside the shared embedding and that differ from it.
fn with_stack_embeddings_of(mut config: ModelConfig, checkpoint: &Checkpoint) -> Result<ModelConfig, Error> {
    for (own, shared) in config.stack_embedding_keys() {
        let both = checkpoint.contains(own) && checkpoint.contains(shared);
        if both && !checkpoint.same_bytes(own, shared)? {
            config = config.with_own_stack_embedding(own);
        }
    }
    Ok(config)
}
