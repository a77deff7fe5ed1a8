use std::fmt;

/// A file format of (IA)³ adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdapterFormat {
    /// PEFT's folder: `adapter_config.json` with `peft_type`, and `adapter_model.safetensors`; `adapter_model.bin`, as
    /// PEFT wrote it before, is read too.
    Peft,
    /// The file of the paper's authors (r-three/t-few, `src/models/EncoderDecoder.py`): `torch.save` of a
    /// dictionary with keys `<module path>.multi_lora_b`, each `[d_out, 1]`.
    TFew,
    /// The folder of the library `adapters` (AdapterHub): `adapter_config.json` with `config.composition_mode:
    /// "scale"`, and `pytorch_adapter.bin` or `adapter.safetensors` with keys `<module path>.loras.<name>.lora_B`.
    AdapterHub,
    /// The file of LyCORIS (`lycoris/modules/ia3.py`), which is read and not written: safetensors with keys
    /// `lycoris_<module path>.weight` and `….on_input`, where the path has `_` in the place of its dots.
    Lycoris,
}

impl AdapterFormat {
    pub(crate) fn with_article(self) -> String {
        format!("{} {self}", if self == Self::AdapterHub { "an" } else { "a" })
    }

    pub(crate) fn holds(self) -> &'static str {
        match self {
            Self::Peft => "holds vectors on inputs and outputs",
            Self::TFew => "holds vectors on outputs of linear layers",
            Self::Lycoris => "is read only, and holds factors of weights",
            Self::AdapterHub => "holds vectors on outputs of `q`, `k`, `v`, `wi`, `wi_1` and `wo` of T5",
        }
    }
}

/// `PEFT folder`, `T-Few file`, `AdapterHub folder`, `LyCORIS file`.
impl fmt::Display for AdapterFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Peft => "PEFT folder",
            Self::TFew => "T-Few file",
            Self::AdapterHub => "AdapterHub folder",
            Self::Lycoris => "LyCORIS file",
        })
    }
}
