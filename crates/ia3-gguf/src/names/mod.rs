//! Names of Hugging Face's layers and of GGUF's tensors, and the order of rows.

mod row_order;
mod tables;

use ia3_guard::quote;

pub use self::row_order::RowOrder;
use self::tables::{Block, FeedForward, Rows, TABLES, Table};
use crate::error::GgufError;
use crate::file::GgufFile;

/// What is known of the architecture of a file: how its tensors are called and in which order their rows are.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    table: &'static Table,
    heads: u64,
    key_value_heads: u64,
}

/// The tensors of a layer, named without `.weight` and `.bias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) tensor: String,
    pub(crate) order: RowOrder,
    /// Where a vector on the inputs can move to.
    pub(crate) before: Before,
}

/// What computes the inputs of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Something that a factor does not pass through.
    Other,
    /// A product with the output of this tensor, whose rows take the factors. `second_half` says that the tensor holds
    /// the gate before these rows.
    Gated { up: String, second_half: bool },
    /// A product as above if the file has the tensor `gate`, and otherwise a ReLU of the output of the tensor `first`,
    /// whose rows take the magnitudes of the factors.
    GatedOrRelu { first: String, gate: String },
}

impl Architecture {
    /// The architecture of a file.
    ///
    /// # Errors
    ///
    /// [`GgufError::Architecture`] if its names are not known, [`GgufError::NoKey`], [`GgufError::KeyType`],
    /// [`GgufError::Header`] for numbers of heads that cannot be.
    pub fn of(file: &GgufFile) -> Result<Self, GgufError> {
        let metadata = file.metadata();
        let name = metadata.architecture()?;
        let table =
            TABLES.iter().find(|table| table.name == name).ok_or_else(|| GgufError::Architecture {
                path: file.path().to_owned(),
                found: name.to_owned(),
                known: TABLES.iter().map(|table| table.name).collect(),
            })?;
        let key = format!("{name}.attention.head_count");
        let heads = metadata.unsigned(&key)?.ok_or_else(|| metadata.no_key(&key))?;
        let key = format!("{name}.attention.head_count_kv");
        let key_value_heads = metadata.unsigned(&key)?.unwrap_or(heads);
        if heads == 0 || key_value_heads == 0 || !heads.is_multiple_of(key_value_heads) {
            return Err(GgufError::Header {
                path: file.path().to_owned(),
                what: format!("the key `{}`", quote(&key)),
                problem: format!("is {key_value_heads}, which does not divide the {heads} heads"),
            });
        }
        Ok(Self { table, heads, key_value_heads })
    }

    /// The name in the file: `llama`.
    pub fn name(&self) -> &'static str {
        self.table.name
    }

    /// The number of heads.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// The number of heads of keys and values.
    pub fn key_value_heads(&self) -> u64 {
        self.key_value_heads
    }

    /// The tensors of a linear layer with Hugging Face's path `module`.
    pub(crate) fn layer(&self, module: &str) -> Option<Layer> {
        if module == "lm_head" {
            return Some(self.at("", "output", Before::Other));
        }
        self.table.blocks.iter().find_map(|block| self.layer_of(block, module))
    }

    fn layer_of(&self, block: &Block, module: &str) -> Option<Layer> {
        let rest = block.modules.iter().find_map(|prefix| module.strip_prefix(prefix))?;
        let (number, layer) = rest.split_once('.')?;
        // The number stands in the name of a tensor, so it has to be one.
        let number: u32 = number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number)?;
        let (_, tensor) = block.linear.iter().find(|(name, _)| *name == layer)?;
        let prefix = format!("{}{number}.", block.tensors);
        let before = match *tensor {
            "ffn_down" => before_down(block, &prefix),
            _ => Before::Other,
        };
        Some(self.at(&prefix, tensor, before))
    }

    fn at(&self, prefix: &str, tensor: &str, before: Before) -> Layer {
        Layer { tensor: format!("{prefix}{tensor}"), order: self.order(tensor), before }
    }

    /// The order of the rows of a tensor, named without its block.
    fn order(&self, tensor: &str) -> RowOrder {
        match (self.table.rows, tensor) {
            (Rows::Rotary, "attn_q") => RowOrder::Rotary { heads: self.heads },
            (Rows::Rotary, "attn_k") => RowOrder::Rotary { heads: self.key_value_heads },
            (Rows::Falcon, "attn_qkv") => {
                RowOrder::Groups { heads: self.heads, groups: self.key_value_heads }
            }
            _ => RowOrder::Same,
        }
    }

    /// Hugging Face's name of a tensor of `file` and the order of its rows; `None` for a tensor that no parameter of Hugging
    /// Face's model belongs to, such as `rope_freqs.weight`.
    pub fn parameter(&self, file: &GgufFile, tensor: &str) -> Option<(String, RowOrder)> {
        let (stem, kind) = tensor.rsplit_once('.')?;
        if let Some((module, _)) = self.table.others.iter().find(|(_, name)| *name == stem) {
            return Some((format!("{module}.{kind}"), RowOrder::Same));
        }
        self.table.blocks.iter().find_map(|block| {
            let (number, name) = stem.strip_prefix(block.tensors)?.split_once('.')?;
            let number: u32 = number.parse().ok()?;
            let has =
                |other: &str| file.tensor(&format!("{}{number}.{other}.weight", block.tensors)).is_some();
            let fits = |(module, tensor): &(&str, &str)| {
                let beside = block.beside.iter().find(|(other, _)| other == module);
                *tensor == name && beside.is_none_or(|(_, beside)| has(beside))
            };
            let layers = || block.linear.iter().chain(block.norms).copied();
            // A name that needs another tensor comes before the one that does not.
            let (module, _) = layers()
                .filter(fits)
                .max_by_key(|(module, _)| block.beside.iter().any(|(other, _)| other == module))?;
            Some((format!("{}{number}.{module}.{kind}", block.modules[0]), self.order(name)))
        })
    }
}

fn before_down(block: &Block, prefix: &str) -> Before {
    let up = format!("{prefix}ffn_up");
    match block.feed_forward {
        FeedForward::Gated => Before::Gated { up, second_half: false },
        FeedForward::GatedInOne => Before::Gated { up, second_half: true },
        FeedForward::GatedOrRelu => {
            Before::GatedOrRelu { first: up, gate: format!("{prefix}ffn_gate.weight") }
        }
        FeedForward::Other => Before::Other,
    }
}
