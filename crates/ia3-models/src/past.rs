use burn::tensor::Tensor;

use crate::mask;

/// How many tokens are before the new ones of a decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// As many in each row.
    Same(usize),
    /// A number for each row, which is one new token.
    ByRow(Vec<usize>),
}

impl Past {
    /// The positions of `new` tokens, `[1, new]`, or `[rows, 1]` where each row has its own.
    pub(crate) fn positions(&self, new: usize) -> Vec<usize> {
        match self {
            Self::Same(past) => (*past..past + new).collect(),
            Self::ByRow(past) => past.clone(),
        }
    }

    /// The number of rows of the positions: 1 where all rows have the same.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Same(_) => 1,
            Self::ByRow(past) => past.len(),
        }
    }

    /// The number of keys of the longest row, with `new` tokens.
    pub(crate) fn keys(&self, new: usize) -> usize {
        match self {
            Self::Same(past) => past + new,
            Self::ByRow(past) => past.iter().max().map_or(0, |longest| longest + 1),
        }
    }

    /// The bias `[1, 1, new, keys]` for new states `[batch, new, d]`, which hides later tokens. Where each row has its own number of
    /// keys, later ones are not hidden; the row does not see them.
    pub(crate) fn causal(&self, x: &Tensor<3>) -> Tensor<4> {
        let new = x.dims()[1];
        match self {
            Self::Same(past) => mask::causal(new, *past, None, &x.device(), x.dtype()),
            Self::ByRow(_) => mask::open(self.keys(new), &x.device(), x.dtype()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_positions_behind_their_own_tokens() {
        let (same, by_row) = (Past::Same(3), Past::ByRow(vec![4, 0, 2]));
        assert_eq!((same.positions(2), same.rows(), same.keys(2)), (vec![3, 4], 1, 5));
        assert_eq!((by_row.positions(1), by_row.rows(), by_row.keys(1)), (vec![4, 0, 2], 3, 5));
    }
}
