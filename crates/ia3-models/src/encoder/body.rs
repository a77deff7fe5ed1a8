use burn::module::{Module, ModuleDisplay};
use burn::nn::Embedding;
use burn::tensor::{Device, Tensor};

use super::head::Head;
use super::head_config::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::image::ImageShape;
use crate::inputs::ModelInputs;
use crate::output::Trace;

/// The configuration of the body of an encoder.
pub trait EncoderConfig: Clone + Send + std::fmt::Debug + Sized {
    /// The `model_type` of Hugging Face.
    fn model_type(&self) -> &str;

    /// The beginning of the names of the classes of transformers, such as `Bert`.
    fn class_prefix(&self) -> &'static str;

    /// The name of the body in Hugging Face's models with a head, such as `bert`.
    fn body_name(&self) -> &'static str;

    /// The same name with a dot, which is the prefix of the parameters of the body.
    fn body_prefix(&self) -> &'static str;

    /// The number of ids of the vocabulary, or 0 for a model of images.
    fn vocab_size(&self) -> usize {
        0
    }

    fn pad_token_id(&self) -> i64 {
        0
    }

    /// The number of token types, or 0 if the model has none.
    fn token_types(&self) -> usize {
        0
    }

    /// The path of the embedding of tokens in the model with a head; nothing in a model of images.
    fn word_embeddings(&self) -> &'static str {
        ""
    }

    /// The shape of the images that the model reads, or `None` for a model of texts.
    fn image(&self) -> Option<ImageShape> {
        None
    }

    /// Names of parameters in a checkpoint that differ from their paths: (the path, the name).
    fn checkpoint_names(&self) -> Vec<(String, String)> {
        vec![]
    }

    /// The projection of every layer to queries, keys and values in one, by the end of its path, if there is one.
    fn fused_heads(&self) -> Option<(&'static str, FusedHeads)> {
        None
    }

    /// Whether the states are float32 where the weights are in half precision.
    fn float32_states(&self) -> bool;

    fn head(&self) -> &HeadConfig;

    /// A freshly initialised head for the task of [`head`](Self::head).
    fn init_head(&self, device: &Device) -> Head;
}

/// The body of an encoder: what turns tokens, or images, into hidden states.
pub trait EncoderBody: Module + ModuleDisplay {
    type Config: EncoderConfig;

    fn new(config: &Self::Config, pooler: bool, device: &Device) -> Self;

    /// Computes the hidden states `[batch, seq, d]` after the last block.
    fn encode(
        &self,
        config: &Self::Config,
        inputs: &ModelInputs,
        trace: Trace,
    ) -> Result<Tensor<3>, ModelError>;

    /// The embedding of tokens, `[vocab, width]`, or `None` in a model of images.
    fn word_embeddings(&self) -> Option<&Embedding> {
        None
    }

    /// Computes the pooler `[batch, 1, d]` of hidden states `[batch, seq, d]`, if there is one.
    fn pool(&self, x: Tensor<3>) -> Tensor<3> {
        x.narrow(1, 0, 1)
    }
}
