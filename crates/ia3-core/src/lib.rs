#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod activation_space;
mod adapter;
mod affine;
mod attach;
mod broadcast;
mod check;
mod conv;
mod copies;
mod embed;
mod error;
mod extract;
mod factor;
mod finite;
mod forward;
mod freeze;
mod groups;
mod merge;
mod mix;
mod model_info;
mod move_inputs;
mod param_path;
mod param_ref;
mod quant;
mod quantization_error;
mod report;
mod rows;
mod saved_params;
mod scale;
mod table;
mod tied;
mod touched;
mod untie;
mod untouched;
mod vector;
mod visit_params;

pub use activation_space::ActivationSpace;
pub use adapter::Adapter;
pub use attach::{attach, attach_to_weights};
pub use conv::Ia3ConvForward;
pub use embed::{embed, embed_as};
pub use error::AdapterError;
pub use factor::is_by_row;
pub use finite::{NonFinite, count_non_finite, describe_non_finite};
pub use forward::{Affine, Ia3Forward};
pub use freeze::freeze;
pub use ia3_config::{self as config, Ia3Config, ModelInfo, Placement, Plan, PlanOptions, Site};
pub use merge::{Requantized, merge, merge_requantizing, merge_safe};
pub use mix::{MixMethod, mix, mix_linear};
pub use model_info::model_info;
pub use move_inputs::move_inputs;
pub use param_path::ParamPath;
pub use param_ref::{ParamKind, ParamRef};
pub use quant::{
    Bits, Quantization, QuantizeReport, QuantizedLayout, QuantizedWeight, Quantizer, quantize,
    with_integer_products,
};
pub use quantization_error::QuantizationError;
pub use report::TrainableParameters;
pub use rows::{Ia3Rows, attach_rows, batch_rows};
pub use saved_params::SavedParams;
pub use scale::Ia3Scale;
pub use table::{AdapterTable, Ia3Table};
pub use tied::{Tied, TiedLayer};
pub use untouched::{assert_all_touched, untouched_layers};
pub use vector::Ia3Vector;
pub use visit_params::{ParamMapper, ParamVisitor, map_params, visit_params, visit_params_with};
