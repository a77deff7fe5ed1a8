use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::shape::{HasShape, Shape};
use crate::task::Task;

/// The configuration of a DeBERTa (Hugging Face's `DebertaConfig` or `DebertaV2Config`).
#[derive(Clone, Debug, PartialEq)]
pub struct DebertaConfig {
    /// Whether it is a DeBERTa v2 or v3 (`model_type` `deberta-v2`), and not a `deberta`.
    pub second: bool,
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of the embeddings.
    pub embedding_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// The dropout on the embeddings and on the output of each layer, in training.
    pub hidden_dropout_prob: f64,
    /// The dropout on the attention weights.
    pub attention_probs_dropout_prob: f64,
    /// The number of learned positions.
    pub max_position_embeddings: usize,
    /// The number of token types.
    pub type_vocab_size: usize,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// Whether learned positions are added to the embeddings.
    pub position_biased_input: bool,
    /// The distances that scores come from (`relative_attention`), if any.
    pub distances: Option<PositionScores>,
    /// Whether a norm follows the embedding of distances (`norm_rel_ebd`).
    pub norm_of_distances: bool,
    /// How many parts the scores have, by whose root they are divided.
    pub parts_of_scores: usize,
    /// The kernel of the convolution beside the first block, if there is one.
    pub conv_kernel_size: Option<usize>,
    /// The groups of the convolution.
    pub conv_groups: usize,
    /// The activation of the convolution.
    pub conv_act: Activation,
    /// The dropout on the input of the pooler.
    pub pooler_dropout: f64,
    /// The activation of the pooler.
    pub pooler_hidden_act: Activation,
    /// The dropout before the classifier.
    pub cls_dropout: f64,
    /// Whether the masked language model is transformers' own, and not that of the authors.
    pub legacy: bool,
    /// Whether the decoder of a masked language model is the embedding of tokens.
    pub tie_word_embeddings: bool,
    /// The id of the padding token.
    pub pad_token_id: i64,
    /// The head.
    pub head: HeadConfig,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
}

/// The scores that come from the distance of two tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionScores {
    /// Whether the query of a token meets the key of a distance (`c2p`).
    pub content_to_position: bool,
    /// Whether the key of a token meets the query of a distance (`p2c`).
    pub position_to_content: bool,
    /// The largest distance (`max_relative_positions`).
    pub max_relative_positions: usize,
    /// The number of buckets of distances on each side (`position_buckets`), if distances fall into buckets.
    pub position_buckets: Option<usize>,
    /// Whether distances are projected by the matrices of tokens (`share_att_key`).
    pub share_att_key: bool,
}

impl PositionScores {
    /// The number of distances on each side that the embedding has.
    pub(super) fn span(&self) -> usize {
        self.position_buckets.unwrap_or(self.max_relative_positions)
    }
}

impl DebertaConfig {
    /// `deberta` or `deberta-v2`.
    pub fn model_type(&self) -> &'static str {
        if self.second { "deberta-v2" } else { "deberta" }
    }

    /// Queries, keys and values in the output of the fused projection of a `deberta`.
    pub(super) fn heads(&self) -> FusedHeads {
        FusedHeads::by_head(self.num_attention_heads, self.hidden_size / self.num_attention_heads)
    }

    /// The tasks for which there is a class in transformers.
    pub(super) fn has_task(&self, task: Task) -> bool {
        Task::OF_ENCODERS.contains(&task) && (self.second || task != Task::MultipleChoice)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("embedding_size", self.embedding_size),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        let (types, most) = (self.type_vocab_size, "at most 2097152");
        expect(types <= 1 << 21, "type_vocab_size", types, most)?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        expect_dropout("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        expect_dropout("pooler_dropout", self.pooler_dropout)?;
        expect_dropout("cls_dropout", self.cls_dropout)?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        let task = self.head.task;
        expect(self.has_task(task), "architectures", format!("{task:?}"), "a class that transformers has")?;
        let narrow = self.legacy || self.embedding_size == self.hidden_size;
        expect(narrow, "embedding_size", self.embedding_size, "`hidden_size`, because `legacy` is false")?;
        self.check_conv()?;
        self.distances.as_ref().map_or(Ok(()), PositionScores::check)
    }

    fn check_conv(&self) -> Result<(), ModelError> {
        let Some(kernel) = self.conv_kernel_size else { return Ok(()) };
        let odd = kernel % 2 == 1 && kernel <= 1 << 10;
        expect(odd, "conv_kernel_size", kernel, "an odd number of tokens, at most 1023")?;
        expect_divides("conv_groups", self.conv_groups, self.hidden_size, "a divisor of `hidden_size`")
    }
}

impl PositionScores {
    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([("max_relative_positions", self.max_relative_positions)])?;
        let Some(buckets) = self.position_buckets else { return Ok(()) };
        expect_sizes([("position_buckets", buckets)])?;
        let farther = self.max_relative_positions > buckets / 2 + 1 && buckets > 1;
        let expected = "at least 2, and less than twice `max_relative_positions - 1`";
        expect(farther, "position_buckets", buckets, expected)
    }
}

impl HasShape for DebertaConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.hidden_act)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}
