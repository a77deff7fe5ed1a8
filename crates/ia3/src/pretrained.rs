use std::path::Path;

use burn::tensor::Device;
use ia3_core::{Quantization, QuantizeReport, with_integer_products};
use ia3_io::{Checkpoint, LoadOptions, LoadReport};
use ia3_models::{Model, ModelConfig, ModelError, Task};
use ia3_ops::widens_as_it_reads;

use crate::base_config::read_config;
use crate::error::Error;
use crate::folder_of;
use crate::precision::Precision;
use crate::tied_tensors::with_head_of;

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
    /// The task of an encoder, whose head it chooses, where it is not the one that `architectures` says.
    pub task: Option<Task>,
    /// The number of classes of a classifier, where it is not that of the configuration.
    pub num_labels: Option<usize>,
    /// The dtype of the weights and of the computation.
    pub dtype: Precision,
    /// Quantises the linear layers while they are read, see [`with_quantization`](Self::with_quantization).
    pub quantization: Option<Quantization>,
    /// Whether integers of another program stay integers, see [`with_keep_quantized`](Self::with_keep_quantized).
    pub keep_quantized: bool,
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

    /// Chooses the head of an encoder by its task. Without it `architectures` of `config.json` chooses, and
    /// [`with_num_labels`](Self::with_num_labels) asks for a classifier of sequences where that is a model without a head.
    pub fn with_task(mut self, task: Task) -> Self {
        self.task = Some(task);
        self
    }

    /// Sets the number of classes of a classifier whose head the checkpoint does not hold.
    pub fn with_num_labels(mut self, labels: usize) -> Self {
        self.num_labels = Some(labels);
        self
    }

    /// Sets [`dtype`](Self::dtype).
    pub fn with_dtype(mut self, dtype: impl Into<Precision>) -> Self {
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

    /// Sets whether the linear layers of a base that another program quantised (GGUF, GPTQ, AWQ, bitsandbytes and torchao in 8
    /// bits) stay integers, instead of becoming floats while they are read: [`LoadOptions::keep_quantized`]. The report says which
    /// weights became floats nevertheless. transformers has the opposite option, `dequantize`.
    pub fn with_keep_quantized(mut self, keep: bool) -> Self {
        self.keep_quantized = keep;
        self
    }

    /// Sets whether quantised weights are multiplied in integers ([`with_integer_products`]) where a product has few rows, as
    /// in generation. This is faster and less exact. Weights of floats are not changed.
    pub fn with_fast_integers(mut self, fast: bool) -> Self {
        self.fast_integers = fast;
        self
    }

    /// Loads a model from a Hugging Face folder: `config.json` and `model.safetensors`, sharded or not; or from a GGUF file
    /// of llama.cpp, whose quantised tensors become float32 or the dtype asked for, or stay integers
    /// ([`with_keep_quantized`](Self::with_keep_quantized)). With the feature `hub`, `OWNER/NAME` or
    /// `OWNER/NAME@REVISION` is downloaded if there is no such folder.
    ///
    /// The head is tied to the embedding where the checkpoint holds no other head: by content, as
    /// transformers does. T5 may always tie it, other models where `tie_word_embeddings` says so. Names may have the
    /// model's prefix or lack it (`bert.encoder…`, `encoder…`). A classifier that is not in the file starts fresh and is
    /// in [`LoadReport::missing`]. A quantised base that [`save_checkpoint`](ia3_io::save_checkpoint) wrote is loaded as
    /// one.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] where integers are to be kept and there are none, or where the device cannot hold them; or naming every
    /// tensor that is missing or has another shape, and what [`read_config`] finds.
    pub fn load(&self, dir: impl AsRef<Path>, device: &Device) -> Result<Pretrained, Error> {
        let dir = folder_of::base(dir.as_ref())?;
        let config = match &self.config {
            Some(config) => config.clone(),
            None => read_config(&dir)?,
        };
        let config = self.with_head(config).map_err(Error::Model)?;
        let checkpoint = Checkpoint::open(&dir)?;
        let config = with_head_of(config, &checkpoint)?;
        let (mut options, config) = self.for_checkpoint(config);
        let stored = self.dtype == Precision::Stored;
        let widens = stored && widens_as_it_reads(device) && checkpoint.holds_half_precision();
        let config = match widens {
            true => config.with_float32_states(true),
            false => {
                options.dtype = options.dtype.or_else(|| checkpoint.main_dtype_of_several());
                config
            }
        };
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

    /// The configuration with the head that the options ask for.
    fn with_head(&self, config: ModelConfig) -> Result<ModelConfig, ModelError> {
        let headless = config.head().is_some_and(|head| head.task == Task::FeatureExtraction);
        let classes = self.num_labels.filter(|_| headless).map(|_| Task::SequenceClassification);
        let config = match self.task.or(classes) {
            Some(task) => config.with_task(task)?,
            None => config,
        };
        Ok(match self.num_labels {
            Some(labels) => config.with_num_labels(labels),
            None => config,
        })
    }

    /// How the checkpoint is read, and the configuration of what it is read into.
    pub(crate) fn for_checkpoint(&self, config: ModelConfig) -> (LoadOptions, ModelConfig) {
        let (aliases, config) = match self.quantization {
            Some(Quantization { head: true, .. }) => config.with_own_head(),
            _ => (config.aliases(), config),
        };
        let optional = config.optional_modules().iter().map(|module| module.to_string()).collect();
        let kept = config.keep_in_float32().iter().map(|module| module.to_string()).collect();
        let mut options =
            LoadOptions::new().with_aliases(aliases).with_optional(optional).with_keep_in_float32(kept);
        options.prefix = config.base_model_prefix().map(str::to_string);
        options.dtype = self.dtype.cast();
        options.keep_quantized = self.keep_quantized;
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
