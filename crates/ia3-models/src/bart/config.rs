use crate::activation::Activation;
use crate::config_field::{expect, expect_divides, expect_dropout, expect_layers, expect_sizes};
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// The `config.json` of BART, mBART, Marian and M2M-100 (Hugging Face's `BartConfig`, `MBartConfig`, `MarianConfig` and
/// `M2M100Config`), with their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct BartConfig {
    /// `bart`, `mbart`, `marian` or `m2m_100`. They differ in their norms, positions and defaults.
    pub model_type: String,
    /// The number of ids of the encoder, which is the number of rows of its embedding.
    pub vocab_size: usize,
    /// The number of ids of the decoder and of the head. It differs from `vocab_size` only in a Marian model whose stacks do
    /// not share their embeddings.
    pub decoder_vocab_size: usize,
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
    /// The activation of the feed-forward layers.
    pub activation_function: Activation,
    /// The number of positions of each stack. M2M-100 has as many as it needs.
    pub max_position_embeddings: usize,
    /// Where the positions come from.
    pub positions: BartPositions,
    /// Whether the norms precede the layers instead of following them, with a further one at the end of each stack (mBART and
    /// M2M-100).
    pub norm_before: bool,
    /// Whether a norm follows the sum of embeddings and positions (BART and mBART).
    pub norm_embedding: bool,
    /// Whether the embeddings are multiplied with `√d_model`.
    pub scale_embedding: bool,
    /// Whether the encoder has a table of positions. The content of a checkpoint determines this for Marian, which computes it
    /// otherwise.
    pub encoder_position_table: bool,
    /// The same of the decoder.
    pub decoder_position_table: bool,
    /// Whether a bias is added to the logits. The content of a checkpoint determines this; M2M-100 never has one.
    pub logits_bias: bool,
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
    /// The standard deviation of freshly initialised weights.
    pub init_std: f64,
    /// Whether both stacks share one embedding. Only Marian may have two.
    pub share_embeddings: bool,
    /// Whether the head and the embeddings of the stacks may be the shared embedding. The content of the checkpoint determines
    /// whether they are.
    pub tie_word_embeddings: bool,
    /// Whether the head is an embedding.
    pub tied_head: bool,
    /// Whether the encoder has an embedding of its own.
    pub own_encoder_embedding: bool,
    /// Whether the decoder has an embedding of its own.
    pub own_decoder_embedding: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: i64,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
    /// The id of the token that starts every sequence of the decoder. In mBART it is only used in generation; in training, the
    /// last token of the labels takes its place.
    pub decoder_start_token_id: i64,
    /// The token that a generation chooses first, whatever the logits are. It names the target language.
    pub forced_bos_token_id: Option<i64>,
    /// The token that a generation chooses last, whatever the logits are.
    pub forced_eos_token_id: Option<i64>,
    /// The tokens that a generation never chooses (single tokens of `bad_words_ids`).
    pub suppress_tokens: Vec<i64>,
}

/// Where the positions of a stack come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BartPositions {
    /// A learned table with two unused rows at its start (BART and mBART).
    Learned,
    /// Sines and cosines of the positions, which a checkpoint may hold as a table (Marian).
    Sinusoidal,
    /// Sines and cosines of the numbers of the tokens that are not padding (M2M-100).
    SinusoidalOfTokens,
}

impl BartConfig {
    /// The factor of the embeddings.
    pub(super) fn embed_scale(&self) -> f64 {
        if self.scale_embedding { (self.d_model as f64).sqrt() } else { 1.0 }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("decoder_vocab_size", self.decoder_vocab_size),
            ("d_model", self.d_model),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        expect_layers("encoder_layers", self.encoder_layers)?;
        expect_layers("decoder_layers", self.decoder_layers)?;
        let (encoder, decoder) = (self.encoder_attention_heads, self.decoder_attention_heads);
        expect_divides("encoder_attention_heads", encoder, self.d_model, "a divisor of `d_model`")?;
        expect_divides("decoder_attention_heads", decoder, self.d_model, "a divisor of `d_model`")?;
        self.check_positions()?;
        self.check_ids()?;
        expect_dropout("dropout", self.dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_dropout("activation_dropout", self.activation_dropout)?;
        expect_dropout("encoder_layerdrop", self.encoder_layerdrop)?;
        expect_dropout("decoder_layerdrop", self.decoder_layerdrop)
    }

    fn check_positions(&self) -> Result<(), ModelError> {
        let enough = self.positions != BartPositions::SinusoidalOfTokens || self.d_model >= 4;
        expect(enough, "d_model", self.d_model, "at least 4 with sinusoidal positions")
    }

    fn check_ids(&self) -> Result<(), ModelError> {
        let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < self.decoder_vocab_size);
        let start = self.decoder_start_token_id;
        expect(known(start), "decoder_start_token_id", start, "an id of the vocabulary of the decoder")?;
        let forced = [
            ("forced_bos_token_id", self.forced_bos_token_id),
            ("forced_eos_token_id", self.forced_eos_token_id),
        ];
        forced.into_iter().try_for_each(|(field, id)| match id {
            Some(id) => expect(known(id), field, id, "an id of the vocabulary of the decoder"),
            None => Ok(()),
        })
    }
}

impl HasShape for BartConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        Shape {
            two_stacks: true,
            attentions: self.encoder_layers + 2 * self.decoder_layers,
            heads: self.encoder_attention_heads.max(self.decoder_attention_heads),
            // Only the encoder reads the prompt, and each block of the decoder caches the keys and values of it.
            cached: 2 * self.decoder_layers * self.d_model,
            experts: None,
        }
    }
}
