use burn::nn::Embedding;
use burn::tensor::{Int, Tensor};

use super::positions::Positions;
use crate::layers::states;
use crate::past::Past;

/// How ids become the input of a stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embeddings {
    pub(crate) scale: f64,
    pub(crate) positions: Positions,
    pub(crate) float32_states: bool,
}

impl Embeddings {
    /// The scaled embeddings of ids `[batch, seq]` behind `past` tokens, plus their positions.
    pub(super) fn forward(
        self,
        words: &Embedding,
        table: &Option<Embedding>,
        ids: Tensor<2, Int>,
        past: &Past,
    ) -> Tensor<3> {
        let x = states(words, ids.clone(), self.float32_states);
        let x = if self.scale == 1.0 { x } else { x * self.scale };
        let (positions, dtype) = (self.positions.of(table, ids, past), x.dtype());
        x + positions.cast(dtype)
    }
}
