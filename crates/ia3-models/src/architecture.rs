//! The traits that every architecture implements, and the table of the architectures.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ia3_core::ModelInfo;

use crate::encoder::{HeadConfig, ProblemType};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::image::ImageShape;
use crate::input_features::SoundShape;
use crate::inputs::{ModelInputs, check_labels};
use crate::loss::{RowLosses, TokenPredictions};
use crate::output::ModelOutput;
use crate::shape::HasShape;
use crate::slots::{SlotTokens, Slots};
use crate::task::Task;

/// The table of the architectures. A new architecture needs a line here and a folder that implements [`Architecture`] and
/// [`ArchitectureConfig`]. The macro passes the table to `$callback`, after `$args`.
macro_rules! with_architectures {
    ($callback:ident!($($args:tt)*)) => {
        $callback! { ($($args)*)
            /// T5 or mT5.
            T5: crate::t5::T5, crate::t5::T5Config;
            /// BART, mBART, Marian or M2M-100.
            Bart: crate::bart::BartForConditionalGeneration, crate::bart::BartConfig;
            /// Whisper.
            Whisper: crate::whisper::WhisperForConditionalGeneration, crate::whisper::WhisperConfig;
            /// GPT-2.
            GPT2: crate::gpt2::GPT2LMHeadModel, crate::gpt2::GPT2Config;
            /// Falcon.
            Falcon: crate::falcon::FalconForCausalLM, crate::falcon::FalconConfig;
            /// Llama, Mistral, Qwen2, Qwen3, SmolLM3, OLMo 2, Mixtral, Qwen3-MoE, or Gemma 1 to 3.
            Llama: crate::llama::LlamaForCausalLM, crate::llama::LlamaConfig;
            /// GPT-NeoX or Pythia.
            GPTNeoX: crate::gpt_neox::GPTNeoXForCausalLM, crate::gpt_neox::GPTNeoXConfig;
            /// OPT.
            OPT: crate::opt::OPTForCausalLM, crate::opt::OPTConfig;
            /// Bloom.
            Bloom: crate::bloom::BloomForCausalLM, crate::bloom::BloomConfig;
            /// GPT-J.
            GPTJ: crate::gptj::GPTJForCausalLM, crate::gptj::GPTJConfig;
            /// GPT-Neo.
            GPTNeo: crate::gpt_neo::GPTNeoForCausalLM, crate::gpt_neo::GPTNeoConfig;
            /// GPT-BigCode.
            GPTBigCode: crate::gpt_bigcode::GPTBigCodeForCausalLM, crate::gpt_bigcode::GPTBigCodeConfig;
            /// Phi, up to Phi-2.
            Phi: crate::phi::PhiForCausalLM, crate::phi::PhiConfig;
            /// Phi-3 and later.
            Phi3: crate::phi3::Phi3ForCausalLM, crate::phi3::Phi3Config;
            /// BERT, RoBERTa, XLM-RoBERTa or ELECTRA.
            Bert: crate::encoder::Encoder<crate::bert::BertModel>, crate::bert::BertConfig;
            /// DistilBERT.
            DistilBert: crate::encoder::Encoder<crate::distilbert::DistilBertModel>, crate::distilbert::DistilBertConfig;
            /// DeBERTa, or DeBERTa v2 or v3.
            Deberta: crate::encoder::Encoder<crate::deberta::DebertaModel>, crate::deberta::DebertaConfig;
            /// ModernBERT.
            ModernBert: crate::encoder::Encoder<crate::modernbert::ModernBertModel>, crate::modernbert::ModernBertConfig;
            /// ESM-2 or ESM-1b.
            Esm: crate::encoder::Encoder<crate::esm::EsmModel>, crate::esm::EsmConfig;
            /// ViT.
            ViT: crate::encoder::Encoder<crate::vit::ViTModel>, crate::vit::ViTConfig;
            /// The image tower of CLIP.
            Clip: crate::encoder::Encoder<crate::clip::ClipVisionModel>, crate::clip::ClipConfig;
        }
    };
}

pub(crate) use with_architectures;

/// A model of one architecture. The methods are those of [`Model`](crate::Model), which documents them.
pub(crate) trait Architecture: Module {
    fn task(&self) -> Task;

    fn info(&self) -> ModelInfo;

    fn pad_token_id(&self) -> i64;

    /// Paths of the embeddings that the forward looks up with [`embed`](ia3_core::embed).
    fn token_embeddings(&self) -> Vec<String> {
        vec![]
    }

    fn float32_states(&self) -> bool;

    /// Names of parameters in a checkpoint that differ from their paths: (the path, the name).
    fn checkpoint_names(&self) -> Vec<(String, String)> {
        vec![]
    }

    fn num_labels(&self) -> Option<usize> {
        None
    }

    /// The number of token types, or 0 if the model has none.
    fn token_types(&self) -> usize {
        0
    }

    /// The class of transformers that an encoder with its head is.
    fn class_name(&self) -> Option<String> {
        None
    }

    /// The kind of a classification of sequences.
    fn problem(&self) -> Option<ProblemType> {
        None
    }

    fn with_own_head(self) -> Self {
        self
    }

    fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError>;

    fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError>;

    fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError>;

    fn token_predictions(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
    ) -> Result<TokenPredictions, ModelError> {
        if self.task() != Task::TokenClassification {
            let model_type = self.info().model_type.unwrap_or_default();
            return Err(ModelError::Unsupported { model_type, problem: "has no classes of tokens" });
        }
        let logits = self.run(inputs, false)?.logits;
        let [batch, seq, classes] = logits.dims();
        check_labels(&labels, [batch, seq], classes)?;
        Ok(TokenPredictions::of(logits, labels))
    }

    fn value_losses(&self, _inputs: &ModelInputs, _values: Tensor<2>) -> Result<RowLosses, ModelError> {
        let problem = "has labels that are ids, not values";
        Err(ModelError::Unsupported { model_type: self.info().model_type.unwrap_or_default(), problem })
    }

    fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig;

    fn generate_with(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: impl FnMut(Step),
    ) -> Result<Generated, ModelError>;

    fn slots(&self, _slots: usize, _capacity: usize) -> Result<Slots, ModelError> {
        self.without_slots()
    }

    /// The number of tokens of the longest sequence in a slot, if the model has a limit.
    fn longest_sequence(&self) -> Option<usize> {
        None
    }

    /// The tokens that the decoder of an encoder-decoder begins with; `None` for a model without an encoder.
    fn decoder_start(&self, _config: &GenerationConfig) -> Result<Option<Vec<i64>>, ModelError> {
        Ok(None)
    }

    fn read_input(&self, _slots: &mut Slots, _slot: usize, _ids: &[i64]) -> Result<(), ModelError> {
        let problem = "has no encoder that reads a text before its decoder answers";
        Err(ModelError::Unsupported { model_type: self.info().model_type.unwrap_or_default(), problem })
    }

    fn read_tokens(&self, _slots: &mut Slots, _tokens: &[SlotTokens]) -> Result<Tensor<2>, ModelError> {
        self.without_slots()
    }

    fn next_logits(&self, _states: Tensor<2>) -> Result<Tensor<2>, ModelError> {
        self.without_slots()
    }

    fn without_slots<T>(&self) -> Result<T, ModelError> {
        let problem = "is no language model of texts, whose sequences have slots of a cache";
        Err(ModelError::Unsupported { model_type: self.info().model_type.unwrap_or_default(), problem })
    }

    /// The log-likelihoods `[rows, tokens]` of `labels`, which are the texts of all `inputs` in order, padded with
    /// [`IGNORE_INDEX`](crate::IGNORE_INDEX).
    fn log_likelihoods(
        &self,
        inputs: &[(&[i64], &[Vec<i64>])],
        labels: Tensor<2, Int>,
        device: &Device,
    ) -> Result<Tensor<2>, ModelError>;
}

/// The configuration of one architecture. The methods are those of [`ModelConfig`](crate::ModelConfig), which documents
/// them.
pub(crate) trait ArchitectureConfig: HasShape + Sized {
    /// The values of `model_type` that it reads.
    const MODEL_TYPES: &'static [&'static str];

    /// `_keep_in_fp32_modules` of transformers.
    const KEEP_IN_FLOAT32: &'static [&'static str] = &[];

    /// The checkpoint key of the language-model head.
    const HEAD: &'static str = HEAD;

    /// The checkpoint key that older versions gave the head.
    const OLD_HEAD: Option<&'static str> = None;

    fn read(text: &str) -> Result<Self, ModelError>;

    fn model_type(&self) -> &str;

    /// The number of ids of the vocabulary, or 0 for a model of images.
    fn vocab_size(&self) -> usize;

    /// The shape of the images that the model reads, or `None` for a model of texts.
    fn image(&self) -> Option<ImageShape> {
        None
    }

    /// The shape of the features of sound that the model reads, or `None` for other models.
    fn sound(&self) -> Option<SoundShape> {
        None
    }

    fn base_model_prefix(&self) -> Option<&'static str>;

    fn optional_modules(&self) -> &'static [&'static str] {
        &[]
    }

    fn set_tied_head(&mut self, _tied: bool) {}

    /// The checkpoint key of the embedding that the head is tied to, if it is.
    fn tied_embedding(&self) -> Option<&'static str> {
        None
    }

    /// Other checkpoint keys of a parameter: (the key of the model, the other key).
    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        let heads = [Self::HEAD].into_iter().chain(Self::OLD_HEAD);
        match self.tied_embedding() {
            Some(embedding) => heads.map(|head| (embedding, head)).collect(),
            None => Self::OLD_HEAD.map(|head| (Self::HEAD, head)).into_iter().collect(),
        }
    }

    /// Names that another version of transformers gave parameters: (the key of the model, the other key).
    fn other_names(&self) -> Vec<(String, String)> {
        vec![]
    }

    fn stack_embeddings(&self) -> Vec<(&'static str, &'static str)> {
        vec![]
    }

    fn set_own_stack_embedding(&mut self, _key: &str) {}

    fn set_float32_states(&mut self, float32: bool);

    /// Checkpoint keys of tensors that the model computes, or leaves out, unless the checkpoint holds them.
    fn optional_tensors(&self) -> Vec<&'static str> {
        vec![]
    }

    fn set_optional_tensor(&mut self, _key: &str) {}

    /// The path of the layer that computes the logits of a classifier.
    fn classifier(&self) -> Option<&'static str> {
        None
    }

    /// The head of an encoder or of a classifier.
    fn head(&self) -> Option<&HeadConfig> {
        None
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        None
    }

    /// Gives the model the head for `task`. It returns whether there is one.
    fn set_task(&mut self, task: Task) -> bool {
        let head = self.head_mut().filter(|_| Task::OF_ENCODERS.contains(&task));
        head.map(|head| head.set_task(task)).is_some()
    }
}

/// The checkpoint key of a language-model head in most architectures.
pub(crate) const HEAD: &str = "lm_head.weight";
