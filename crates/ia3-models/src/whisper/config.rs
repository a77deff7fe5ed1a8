use crate::activation::Activation;
use crate::config_field::{expect, expect_divides, expect_dropout, expect_layers, expect_sizes};
use crate::error::ModelError;
use crate::input_features::SoundShape;
use crate::shape::{HasShape, Shape};

/// The `config.json` of Whisper (Hugging Face's `WhisperConfig`), with its defaults.
///
/// `scale_embedding` is not read: transformers does not scale the embeddings of Whisper, whatever it says. `median_filter_width`
/// is for the times of tokens, which are not computed here.
#[derive(Clone, Debug, PartialEq)]
pub struct WhisperConfig {
    /// The number of ids of the vocabulary.
    pub vocab_size: usize,
    /// The number of values of a frame of the features.
    pub num_mel_bins: usize,
    /// The width of the hidden states.
    pub d_model: usize,
    /// The number of blocks of the encoder.
    pub encoder_layers: usize,
    /// The number of blocks of the decoder.
    pub decoder_layers: usize,
    /// The number of heads of the encoder.
    pub encoder_attention_heads: usize,
    /// The number of heads of the decoder.
    pub decoder_attention_heads: usize,
    /// The width of the feed-forward layers of the encoder.
    pub encoder_ffn_dim: usize,
    /// The width of the feed-forward layers of the decoder.
    pub decoder_ffn_dim: usize,
    /// The activation of the feed-forward layers. That of the convolutions is always a GELU.
    pub activation_function: Activation,
    /// The number of positions of the encoder, which is half the number of frames that it reads.
    pub max_source_positions: usize,
    /// The number of positions of the decoder.
    pub max_target_positions: usize,
    /// The dropout of the outputs of layers and of the embeddings, in training.
    pub dropout: f64,
    /// The dropout on the attention weights, in training.
    pub attention_dropout: f64,
    /// The dropout on the inner activations of the feed-forward layers, in training.
    pub activation_dropout: f64,
    /// The probability with which a block of the encoder is skipped, in training.
    pub encoder_layerdrop: f64,
    /// The probability with which a block of the decoder is skipped, in training.
    pub decoder_layerdrop: f64,
    /// Whether training would hide parts of the features (SpecAugment, arXiv 1904.08779). It is not implemented, so such a model
    /// cannot be trained.
    pub apply_spec_augment: bool,
    /// The standard deviation of freshly initialised weights.
    pub init_std: f64,
    /// Whether the head may be the embedding of the decoder. The content of the checkpoint determines whether it is.
    pub tie_word_embeddings: bool,
    /// Whether the head is the embedding.
    pub tied_head: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: i64,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
    /// The id of the token that starts every sequence of the decoder.
    pub decoder_start_token_id: i64,
    /// The tokens that a generation reads behind the start token (`forced_decoder_ids`): language, task and `<|notimestamps|>`.
    pub decoder_prompt: Vec<i64>,
    /// The tokens that a generation never chooses.
    pub suppress_tokens: Vec<i64>,
    /// The tokens that a generation does not choose first.
    pub begin_suppress_tokens: Vec<i64>,
}

impl WhisperConfig {
    /// The number of frames of the features: the second convolution halves it.
    pub fn frames(&self) -> usize {
        2 * self.max_source_positions
    }

    /// The shape of the features.
    pub fn sound(&self) -> SoundShape {
        SoundShape { bins: self.num_mel_bins, frames: self.frames(), tokens: self.max_source_positions }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("num_mel_bins", self.num_mel_bins),
            ("d_model", self.d_model),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
            ("max_source_positions", self.max_source_positions),
            ("max_target_positions", self.max_target_positions),
        ])?;
        expect_layers("encoder_layers", self.encoder_layers)?;
        expect_layers("decoder_layers", self.decoder_layers)?;
        let (encoder, decoder) = (self.encoder_attention_heads, self.decoder_attention_heads);
        expect_divides("encoder_attention_heads", encoder, self.d_model, "a divisor of `d_model`")?;
        expect_divides("decoder_attention_heads", decoder, self.d_model, "a divisor of `d_model`")?;
        self.check_ids()?;
        expect_dropout("dropout", self.dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_dropout("activation_dropout", self.activation_dropout)?;
        expect_dropout("encoder_layerdrop", self.encoder_layerdrop)?;
        expect_dropout("decoder_layerdrop", self.decoder_layerdrop)
    }

    fn check_ids(&self) -> Result<(), ModelError> {
        let known = |id: &i64| usize::try_from(*id).is_ok_and(|id| id < self.vocab_size);
        let (start, prompt) = (self.decoder_start_token_id, &self.decoder_prompt);
        expect(known(&start), "decoder_start_token_id", start, "an id of the vocabulary")?;
        let all = prompt.iter().all(known);
        expect(all, "forced_decoder_ids", format!("{prompt:?}"), "ids of the vocabulary")
    }
}

impl HasShape for WhisperConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        Shape {
            two_stacks: true,
            attentions: self.encoder_layers + 2 * self.decoder_layers,
            heads: self.encoder_attention_heads.max(self.decoder_attention_heads),
            // Each block of the decoder caches the keys and values of the encoder's output.
            cached: 2 * self.decoder_layers * self.d_model,
            experts: None,
        }
    }
}
