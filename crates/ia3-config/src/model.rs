//! The facts about a model that planning needs.

use std::fmt;
use std::ops::Range;

use crate::Placement;

/// The facts about a model that planning needs: its modules in the order of PyTorch's `named_modules()`.
///
/// They can be taken from a built model or from a `config.json` alone. No weight is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The `model_type` of the model's `config.json`, which selects the default targets.
    pub model_type: Option<String>,
    /// All modules, including containers. The root itself (with the empty path) may be among them; it is never adapted.
    pub modules: Vec<ModuleInfo>,
}

impl ModelInfo {
    /// The facts about a model of the given `model_type`.
    pub fn new(model_type: impl Into<String>, modules: Vec<ModuleInfo>) -> Self {
        let model_type = Some(model_type.into());
        Self { model_type, modules }
    }

    /// The module at a path, or `None` if the model has no module there.
    pub fn module(&self, path: &str) -> Option<&ModuleInfo> {
        self.modules.iter().find(|module| module.path == path)
    }

    /// All modules that can be saved whole: also those that have the weight of another one.
    pub fn modules_and_tied(&self) -> impl Iterator<Item = &ModuleInfo> {
        self.modules.iter().flat_map(|module| [module].into_iter().chain(&module.tied))
    }

    /// The path of the module whose weight the module at `path` has; `None` if it has its own.
    pub fn tied_to(&self, path: &str) -> Option<&str> {
        let holds = |module: &&ModuleInfo| module.tied.iter().any(|tied| tied.path == path);
        self.modules.iter().find(holds).map(|module| module.path.as_str())
    }
}

/// One module of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Hugging Face module path, such as `encoder.block.0.layer.0.SelfAttention.k`.
    pub path: String,
    /// The class and the sizes of the module.
    pub kind: ModuleKind,
    /// Whether this module is the model's output embedding (`lm_head`).
    pub output_embedding: bool,
    /// The outputs that are queries if the module is one projection for queries, keys and values. It is empty for every
    /// other module.
    pub queries: Vec<Range<usize>>,
    /// The modules that have the weight of this one, such as the head of a language model whose head is the embedding. They
    /// are no targets, but they can be saved whole.
    pub tied: Vec<ModuleInfo>,
}

impl ModuleInfo {
    /// The facts about a module that is not the output embedding.
    pub fn new(path: impl Into<String>, kind: ModuleKind) -> Self {
        Self { path: path.into(), kind, output_embedding: false, queries: vec![], tied: vec![] }
    }

    /// Marks the module as the model's output embedding.
    pub fn output_embedding(mut self) -> Self {
        self.output_embedding = true;
        self
    }
}

/// The class of a module, with the sizes of the layers that can be adapted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModuleKind {
    /// `torch.nn.Linear`, weight `[d_out, d_in]`.
    Linear {
        /// The number of input features.
        d_in: usize,
        /// The number of output features.
        d_out: usize,
        /// Whether the layer has a bias.
        bias: bool,
    },
    /// GPT-2's `Conv1D`: a linear layer with weight `[d_in, d_out]`.
    Conv1D {
        /// The number of input features.
        d_in: usize,
        /// The number of output features.
        d_out: usize,
        /// Whether the layer has a bias.
        bias: bool,
    },
    /// `torch.nn.Conv2d`, weight `[channels_out, channels_in / groups, k, k]`.
    Conv2d {
        /// The input channels of all groups together. The value is `None` if the number of groups is not known, because the
        /// weight shows the channels of one group only. The input of such a layer cannot be scaled.
        channels_in: Option<usize>,
        /// The number of output channels.
        channels_out: usize,
        /// Whether the layer has a bias.
        bias: bool,
    },
    /// `torch.nn.Conv3d`, weight `[channels_out, channels_in / groups, k, k, k]`.
    Conv3d {
        /// The input channels of all groups together. The value is `None` if the number of groups is not known, because the
        /// weight shows the channels of one group only. The input of such a layer cannot be scaled.
        channels_in: Option<usize>,
        /// The number of output channels.
        channels_out: usize,
        /// Whether the layer has a bias.
        bias: bool,
    },
    /// `torch.nn.Embedding`; (IA)³ does not adapt it.
    Embedding {
        /// The number of rows, which is the size of the vocabulary.
        rows: usize,
        /// The number of values in a row.
        dim: usize,
    },
    /// Any other module, such as a container, a norm or an activation.
    Other {
        /// The name of the class, such as `T5LayerNorm`.
        type_name: String,
    },
}

impl ModuleKind {
    /// The kind of a container or of any other module that (IA)³ does not adapt.
    pub fn other(type_name: impl Into<String>) -> Self {
        let type_name = type_name.into();
        Self::Other { type_name }
    }

    /// The length of an (IA)³ vector at this placement. It is `None` for a module that cannot be adapted, and for the input
    /// of a convolution whose number of groups is not known.
    pub fn vector_len(&self, placement: Placement) -> Option<usize> {
        let (input, output) = match *self {
            Self::Linear { d_in, d_out, .. } | Self::Conv1D { d_in, d_out, .. } => (Some(d_in), d_out),
            Self::Conv2d { channels_in, channels_out, .. }
            | Self::Conv3d { channels_in, channels_out, .. } => (channels_in, channels_out),
            Self::Embedding { .. } | Self::Other { .. } => return None,
        };
        match placement {
            Placement::Input => input,
            Placement::Output => Some(output),
        }
    }

    /// The number of axes of the weight: 4 for `Conv2d`, 5 for `Conv3d` and 2 for every other kind. It determines the shape
    /// of the vector in PEFT's file.
    pub fn weight_rank(&self) -> usize {
        match self {
            Self::Conv2d { .. } => 4,
            Self::Conv3d { .. } => 5,
            _ => 2,
        }
    }

    /// Whether it is a layer with a bias. A vector on the output of such a layer scales the bias too.
    pub fn has_bias(&self) -> bool {
        match *self {
            Self::Linear { bias, .. }
            | Self::Conv1D { bias, .. }
            | Self::Conv2d { bias, .. }
            | Self::Conv3d { bias, .. } => bias,
            Self::Embedding { .. } | Self::Other { .. } => false,
        }
    }

    /// Whether (IA)³ can adapt the module.
    pub fn is_adaptable(&self) -> bool {
        self.vector_len(Placement::Output).is_some()
    }

    /// The name of the PyTorch class.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Linear { .. } => "Linear",
            Self::Conv1D { .. } => "Conv1D",
            Self::Conv2d { .. } => "Conv2d",
            Self::Conv3d { .. } => "Conv3d",
            Self::Embedding { .. } => "Embedding",
            Self::Other { type_name } => type_name,
        }
    }
}

/// The class with its sizes in PyTorch's order: `Linear(in, out)`, `Embedding(rows, dim)`.
impl fmt::Display for ModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.type_name();
        if let Self::Embedding { rows, dim } = self {
            return write!(f, "{name}({rows}, {dim})");
        }
        let sizes = [Placement::Input, Placement::Output].map(|placement| self.vector_len(placement));
        match sizes {
            [Some(input), Some(output)] => write!(f, "{name}({input}, {output})"),
            [None, Some(output)] => write!(f, "{name}(?, {output})"),
            _ => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_shows_its_sizes_as_pytorch_does() {
        let conv = |channels_in| ModuleKind::Conv2d { channels_in, channels_out: 8, bias: true };
        assert_eq!(conv(Some(3)).to_string(), "Conv2d(3, 8)");
        assert_eq!(conv(None).to_string(), "Conv2d(?, 8)");
        assert_eq!(ModuleKind::Embedding { rows: 97, dim: 24 }.to_string(), "Embedding(97, 24)");
        assert_eq!(ModuleKind::other("T5Attention").to_string(), "T5Attention");
    }

    #[test]
    fn lengths_follow_the_placement() {
        let linear = ModuleKind::Linear { d_in: 3, d_out: 5, bias: true };
        assert_eq!(linear.vector_len(Placement::Input), Some(3));
        assert_eq!(linear.vector_len(Placement::Output), Some(5));
        assert!(!ModuleKind::Embedding { rows: 3, dim: 5 }.is_adaptable());
    }
}
