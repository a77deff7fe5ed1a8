//! The names, one table per architecture.

/// Names of Hugging Face and of GGUF.
pub(super) type Names = &'static [(&'static str, &'static str)];

/// The names of an architecture.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) rows: Rows,
    pub(super) blocks: &'static [Block],
    /// Modules outside blocks, for loading.
    pub(super) others: Names,
}

/// The order of rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    Same,
    Rotary,
    Falcon,
}

/// The names in a block, whose number stands after both prefixes.
#[derive(Debug)]
pub(super) struct Block {
    /// The prefixes of modules; the first is that of Hugging Face's model with a head.
    pub(super) modules: &'static [&'static str],
    pub(super) tensors: &'static str,
    pub(super) feed_forward: FeedForward,
    pub(super) linear: Names,
    pub(super) norms: Names,
    /// Modules whose tensor has this name only beside another tensor of the block.
    pub(super) beside: Names,
}

/// What is before the last layer of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum FeedForward {
    Gated,
    /// Gate and product in one tensor, the gate first.
    GatedInOne,
    /// T5: gated if the file has a gate, and a ReLU otherwise, as llama.cpp computes it.
    GatedOrRelu,
    Other,
}

const DECODER: &[&str] = &["model.layers.", "layers."];

const GATED: Names = &[
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

const LLAMA_NORMS: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
];

const OLMO2_NORMS: Names = &[
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "post_attention_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

const GEMMA_NORMS: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
];

const LLAMA_OTHERS: Names =
    &[("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

const fn gated(name: &'static str, rows: Rows, blocks: &'static [Block]) -> Table {
    Table { name, rows, blocks, others: LLAMA_OTHERS }
}

const fn gated_block(norms: Names) -> Block {
    Block {
        modules: DECODER,
        tensors: "blk.",
        feed_forward: FeedForward::Gated,
        linear: GATED,
        norms,
        beside: &[],
    }
}

const LLAMA_BLOCKS: &[Block] = &[gated_block(LLAMA_NORMS)];
const OLMO2_BLOCKS: &[Block] = &[gated_block(OLMO2_NORMS)];
const GEMMA_BLOCKS: &[Block] = &[gated_block(GEMMA_NORMS)];

/// Attention and feed-forward layers of a stack of T5, whose last sub-layer has the number `$ff`.
macro_rules! t5_stack {
    ($stack:literal, $tensors:literal, $ff:literal, [$($more:expr),*], [$($norm:expr),*]) => {
        Block {
            modules: &[concat!($stack, ".block.")],
            tensors: $tensors,
            feed_forward: FeedForward::GatedOrRelu,
            linear: &[
                ("layer.0.SelfAttention.q", "attn_q"),
                ("layer.0.SelfAttention.k", "attn_k"),
                ("layer.0.SelfAttention.v", "attn_v"),
                ("layer.0.SelfAttention.o", "attn_o"),
                $($more,)*
                (concat!("layer.", $ff, ".DenseReluDense.wi"), "ffn_up"),
                (concat!("layer.", $ff, ".DenseReluDense.wi_1"), "ffn_up"),
                (concat!("layer.", $ff, ".DenseReluDense.wi_0"), "ffn_gate"),
                (concat!("layer.", $ff, ".DenseReluDense.wo"), "ffn_down"),
            ],
            norms: &[
                ("layer.0.layer_norm", "attn_norm"),
                ("layer.0.SelfAttention.relative_attention_bias", "attn_rel_b"),
                $($norm,)*
                (concat!("layer.", $ff, ".layer_norm"), "ffn_norm"),
            ],
            beside: &[(concat!("layer.", $ff, ".DenseReluDense.wi_1"), "ffn_gate")],
        }
    };
}

const T5_BLOCKS: &[Block] = &[
    t5_stack!("encoder", "enc.blk.", "1", [], []),
    t5_stack!(
        "decoder",
        "dec.blk.",
        "2",
        [
            ("layer.1.EncDecAttention.q", "cross_attn_q"),
            ("layer.1.EncDecAttention.k", "cross_attn_k"),
            ("layer.1.EncDecAttention.v", "cross_attn_v"),
            ("layer.1.EncDecAttention.o", "cross_attn_o")
        ],
        [("layer.1.layer_norm", "cross_attn_norm")]
    ),
];

pub(super) const TABLES: &[Table] = &[
    gated("llama", Rows::Rotary, LLAMA_BLOCKS),
    gated("smollm3", Rows::Rotary, LLAMA_BLOCKS),
    gated("qwen2", Rows::Same, LLAMA_BLOCKS),
    gated("qwen3", Rows::Same, LLAMA_BLOCKS),
    gated("olmo2", Rows::Same, OLMO2_BLOCKS),
    gated("gemma", Rows::Same, LLAMA_BLOCKS),
    gated("gemma2", Rows::Same, GEMMA_BLOCKS),
    gated("gemma3", Rows::Same, GEMMA_BLOCKS),
    Table {
        name: "phi2",
        rows: Rows::Same,
        blocks: &[Block {
            modules: DECODER,
            tensors: "blk.",
            feed_forward: FeedForward::Other,
            linear: &[
                ("self_attn.q_proj", "attn_q"),
                ("self_attn.k_proj", "attn_k"),
                ("self_attn.v_proj", "attn_v"),
                ("self_attn.dense", "attn_output"),
                ("mlp.fc1", "ffn_up"),
                ("mlp.fc2", "ffn_down"),
            ],
            norms: &[("input_layernorm", "attn_norm")],
            beside: &[],
        }],
        others: &[
            ("model.embed_tokens", "token_embd"),
            ("model.final_layernorm", "output_norm"),
            ("lm_head", "output"),
        ],
    },
    Table {
        name: "phi3",
        rows: Rows::Same,
        blocks: &[Block {
            modules: DECODER,
            tensors: "blk.",
            feed_forward: FeedForward::GatedInOne,
            linear: &[
                ("self_attn.qkv_proj", "attn_qkv"),
                ("self_attn.o_proj", "attn_output"),
                ("mlp.gate_up_proj", "ffn_up"),
                ("mlp.down_proj", "ffn_down"),
            ],
            norms: LLAMA_NORMS,
            beside: &[],
        }],
        others: LLAMA_OTHERS,
    },
    Table {
        name: "gpt2",
        rows: Rows::Same,
        blocks: &[Block {
            modules: &["transformer.h.", "h."],
            tensors: "blk.",
            feed_forward: FeedForward::Other,
            linear: &[
                ("attn.c_attn", "attn_qkv"),
                ("attn.c_proj", "attn_output"),
                ("mlp.c_fc", "ffn_up"),
                ("mlp.c_proj", "ffn_down"),
            ],
            norms: &[("ln_1", "attn_norm"), ("ln_2", "ffn_norm")],
            beside: &[],
        }],
        others: &[
            ("transformer.wte", "token_embd"),
            ("transformer.wpe", "position_embd"),
            ("transformer.ln_f", "output_norm"),
            ("lm_head", "output"),
        ],
    },
    Table {
        name: "falcon",
        rows: Rows::Falcon,
        blocks: &[Block {
            modules: &["transformer.h.", "h."],
            tensors: "blk.",
            feed_forward: FeedForward::Other,
            linear: &[
                ("self_attention.query_key_value", "attn_qkv"),
                ("self_attention.dense", "attn_output"),
                ("mlp.dense_h_to_4h", "ffn_up"),
                ("mlp.dense_4h_to_h", "ffn_down"),
            ],
            norms: &[("input_layernorm", "attn_norm"), ("ln_mlp", "attn_norm"), ("ln_attn", "attn_norm_2")],
            // Falcon-40B has two norms.
            beside: &[("ln_mlp", "attn_norm_2")],
        }],
        others: &[
            ("transformer.word_embeddings", "token_embd"),
            ("transformer.ln_f", "output_norm"),
            ("lm_head", "output"),
        ],
    },
    Table {
        name: "t5",
        rows: Rows::Same,
        blocks: T5_BLOCKS,
        others: &[
            ("shared", "token_embd"),
            ("encoder.final_layer_norm", "enc.output_norm"),
            ("decoder.final_layer_norm", "dec.output_norm"),
            ("lm_head", "output"),
        ],
    },
];
