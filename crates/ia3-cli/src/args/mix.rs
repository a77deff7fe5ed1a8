//! `ia3 mix`.

use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// Σ w·l, as PEFT's add_weighted_adapter.
    Linear,
    /// Π l, without weights.
    Product,
    /// 1 + Σ w·(l − 1).
    Identity,
    /// Π l^w.
    Geometric,
    /// TIES on l − 1: trim, elect a sign, average.
    Ties,
}

const EXAMPLES: &str = "\
Example:
  ia3 mix --adapter fixtures/t5/adapter --weight 0.3 \\
      --adapter fixtures/t5/adapter_b --weight 0.7 --out mixed";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Mix {
    /// Folder of an adapter. Give the option once per adapter.
    #[arg(long = "adapter", value_name = "DIR", required = true)]
    pub(crate) adapters: Vec<PathBuf>,
    /// Weight of an adapter, in the order of the adapters. Give one weight per adapter, or none for a product.
    #[arg(long = "weight", value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) weights: Vec<f32>,
    /// How to mix the vectors l with the weights w. A layer that an adapter does not scale counts as a vector of ones.
    #[arg(long, value_enum, default_value = "linear")]
    pub(crate) method: MethodName,
    /// Share of each vector that `ties` keeps, from 0 to 1 [default: 0.2].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) density: Option<f64>,
    /// Folder of the base, to check that every adapter fits it.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Folder to write the mixed adapter to.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
