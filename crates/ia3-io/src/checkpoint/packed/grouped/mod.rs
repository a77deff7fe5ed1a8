//! GPTQ and AWQ: integers with a scale and a zero point for each output of each group of inputs.

mod edit;
mod layout;
mod weight;

pub(super) use edit::Group;
pub(crate) use layout::Layout;
pub(crate) use weight::Grouped;
