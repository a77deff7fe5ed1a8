//! `ia3 convert`.

use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum AdapterFormatName {
    /// Folder with adapter_config.json and adapter_model.safetensors.
    Peft,
    /// File of torch.save with `multi_lora_b` in its keys.
    Tfew,
    /// Folder with adapter_config.json and pytorch_adapter.bin.
    Adapterhub,
    /// Folder of a base with model.safetensors, from one with pytorch_model.bin.
    Safetensors,
    /// Folder of a LoRA that approximates the adapter, for programs that take no other adapters.
    Lora,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SiteName {
    /// Input of the last matrix, `wo` or `down_proj`.
    #[value(name = "wo")]
    Wo,
    /// Output of the matrix beside the gate, `wi_1` or `up_proj`.
    #[value(name = "wi_1")]
    Wi1,
}

const EXAMPLES: &str = "\
Examples:
  ia3 convert fixtures/formats/t5v11/tfew.pt --to peft --site wo \\
      --out converted
  ia3 convert fixtures/t5v11/adapter --to tfew \\
      --base fixtures/t5v11/base/config.json --out adapter.pt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Convert {
    /// Folder or file of an adapter, whose format is recognised; or the folder of a base for `--to safetensors`.
    pub(crate) path: PathBuf,
    /// Format to write. A conversion is exact, or it is refused; for `lora`, its error is measured.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: AdapterFormatName,
    /// Folder to write, or file for tfew. An adapter of the same format there is replaced.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Place of the vectors of gated feed-forward blocks. By default they stay in place for peft, and move to `wi_1` for
    /// tfew and adapterhub, which have no other place.
    #[arg(long, value_enum, value_name = "SITE")]
    pub(crate) site: Option<SiteName>,
    /// Folder or config.json of the base. It is needed where the names in the adapter do not show whether its blocks are
    /// gated, and for `lora`, which reads the weights.
    #[arg(long, value_name = "PATH")]
    pub(crate) base: Option<PathBuf>,
    /// With `--to lora`: rank of the LoRA.
    #[arg(long, value_name = "R")]
    pub(crate) rank: Option<usize>,
    /// With `--to lora`: largest relative error of the change of a weight, above which nothing is written. [default: 0.05]
    #[arg(long, value_name = "E")]
    pub(crate) max_error: Option<f64>,
    /// Name of the base model, for adapter_config.json.
    #[arg(long, value_name = "NAME")]
    pub(crate) base_name: Option<String>,
}
