use std::fmt;

use burn::module::Module;
use ia3_config::thousands;

use crate::adapter::Adapter;

/// The number of parameters of a model that are trained, as PEFT's `get_nb_trainable_parameters` counts them.
///
/// [`Display`](fmt::Display) writes the line that PEFT's `print_trainable_parameters` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainableParameters {
    /// The number of trained values: the values of the vectors and of `modules_to_save`.
    pub trainable: usize,
    /// The number of all values: the values of the base and the trained values.
    pub all: usize,
}

impl TrainableParameters {
    /// The counts for `adapter` on `base`. They are computed from shapes, so no weight is initialised.
    pub fn of<M: Module>(base: &M, adapter: &Adapter) -> Self {
        Self { trainable: adapter.num_trainable(), all: base.num_params() + adapter.num_params() }
    }

    /// The share of the trained values in per cent.
    pub fn percent(&self) -> f64 {
        100.0 * self.trainable as f64 / self.all as f64
    }
}

impl fmt::Display for TrainableParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trainable, all) = (thousands(self.trainable), thousands(self.all));
        write!(f, "trainable params: {trainable} || all params: {all} || trainable%: {:.4}", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_pefts() {
        let t5_small = TrainableParameters { trainable: 43_008, all: 60_549_632 };
        let line = "trainable params: 43,008 || all params: 60,549,632 || trainable%: 0.0710";
        assert_eq!(t5_small.to_string(), line);
    }
}
