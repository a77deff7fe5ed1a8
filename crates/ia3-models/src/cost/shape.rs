use crate::config::ModelConfig;

/// What the costs need of a configuration beside the sizes of its layers.
pub(super) struct Shape {
    /// Whether each token passes one of two stacks.
    pub(super) two_stacks: bool,
    /// How many attention layers there are.
    pub(super) attentions: usize,
    /// Heads of each.
    pub(super) heads: usize,
    /// Numbers that a token of the prompt leaves in the cache of keys and values.
    pub(super) cached: usize,
}

impl Shape {
    pub(super) fn of(config: &ModelConfig) -> Self {
        let one = |layers: usize, heads: usize, kv: usize| Self {
            two_stacks: false,
            attentions: layers,
            heads,
            cached: 2 * layers * kv,
        };
        match config {
            ModelConfig::T5(c) => Self {
                two_stacks: true,
                attentions: c.num_layers + 2 * c.num_decoder_layers,
                heads: c.num_heads,
                // The prompt is the encoder's; each block of the decoder keeps its keys and values.
                cached: 2 * c.num_decoder_layers * c.d_attention(),
            },
            ModelConfig::GPT2(c) => one(c.n_layer, c.n_head, c.n_embd),
            ModelConfig::Falcon(c) => {
                one(c.num_hidden_layers, c.num_attention_heads, c.kv_heads() * c.head_dim())
            }
            ModelConfig::Llama(c) => {
                one(c.num_hidden_layers, c.num_attention_heads, c.num_key_value_heads * c.head_dim)
            }
            ModelConfig::Bert(c) => one(c.num_hidden_layers, c.num_attention_heads, c.hidden_size),
        }
    }
}
