use burn::tensor::{DType, Int, Tensor};

use super::frequencies::RotaryFrequencies;

/// Cosines and sines of the angles at some positions, each `[batch or 1, 1, seq, pairs]`.
#[derive(Clone)]
pub(crate) struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

/// Which features of a head form a pair that turns by one angle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// Feature `i` and feature `pairs + i`.
    Halves,
    /// Features `2i` and `2i + 1` (GPT-J).
    Neighbours,
}

impl Rotation {
    /// At `positions` `[batch or 1, seq]`, in float32.
    pub(crate) fn at(positions: Tensor<2, Int>, frequencies: &RotaryFrequencies) -> Self {
        let of_length = frequencies.of_length(length(&positions, frequencies));
        let of_length = Tensor::<1>::from_floats(of_length.as_slice(), &positions.device());
        let Self { cos, sin } = Self::turning(positions, of_length);
        let scaled = |x: Tensor<4>| if frequencies.scale() == 1.0 { x } else { x * frequencies.scale() };
        Self { cos: scaled(cos), sin: scaled(sin) }
    }

    /// At `positions` `[batch or 1, seq]`, where each pair turns by its angle of `per_position` `[pairs]`, in float32.
    pub(crate) fn turning(positions: Tensor<2, Int>, per_position: Tensor<1>) -> Self {
        let [batch, seq] = positions.dims();
        let per_position = per_position.cast(DType::F32).unsqueeze::<4>();
        let angles = positions.float().reshape([batch, 1, seq, 1]) * per_position;
        Self { cos: angles.clone().cos(), sin: angles.sin() }
    }

    /// Rotates `x` `[batch, heads, seq, head_dim]`, with pairs of [`Halves`](Pairs::Halves).
    pub(crate) fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        self.apply_to(x, Pairs::Halves)
    }

    /// Rotates the first features of `x` `[batch, heads, seq, head_dim]`, as many as there are in pairs. The others pass.
    pub(crate) fn apply_to(&self, x: Tensor<4>, pairs: Pairs) -> Tensor<4> {
        let ([batch, heads, seq, head_dim], [.., count]) = (x.dims(), self.cos.dims());
        if count == 0 {
            return x;
        }
        let rest = (2 * count < head_dim).then(|| x.clone().narrow(3, 2 * count, head_dim - 2 * count));
        let (cos, sin) = (self.cos.clone().cast(x.dtype()), self.sin.clone().cast(x.dtype()));
        let [first, second] = match pairs {
            Pairs::Halves => [0, count].map(|start| x.clone().narrow(3, start, count)),
            Pairs::Neighbours => {
                let x = x.narrow(3, 0, 2 * count).reshape([batch, heads, seq, count, 2]);
                [0, 1].map(|of_pair| x.clone().narrow(4, of_pair, 1).squeeze_dim(4))
            }
        };
        let rotated =
            [first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
        let rotated: Vec<Tensor<4>> = match pairs {
            Pairs::Halves => rotated.into(),
            Pairs::Neighbours => {
                vec![Tensor::stack::<5>(rotated.into(), 4).reshape([batch, heads, seq, 2 * count])]
            }
        };
        Tensor::cat(rotated.into_iter().chain(rest).collect(), 3)
    }
}

/// One more than the last position; 0 where the angles do not depend on it, which saves reading the positions.
fn length(positions: &Tensor<2, Int>, frequencies: &RotaryFrequencies) -> usize {
    if !frequencies.depend_on_length() {
        return 0;
    }
    let last = positions.to_data().iter::<i64>().max().unwrap_or(0);
    usize::try_from(last + 1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tolerance};

    use super::*;
    use crate::rotary::RopeParameters;

    #[test]
    fn a_pair_turns_by_its_angle() {
        let device = Device::flex();
        let positions = Tensor::<2, Int>::from_ints([[0, 3]], &device);
        let x = Tensor::<4>::from_floats([[[[1.0, 2.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0]]]], &device);
        let frequencies = RopeParameters::default().frequencies(4, 16).unwrap();
        assert_eq!(frequencies.of_length(4), [1.0, 0.01]);
        let got = Rotation::at(positions, &frequencies).apply(x).into_data();
        let expected = [1.0, 2.0, 0.0, 0.0, 3f32.cos(), 2.0 * 0.03f32.cos(), 3f32.sin(), 2.0 * 0.03f32.sin()];
        let expected = burn::tensor::TensorData::new(expected.to_vec(), [1, 1, 2, 4]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
    }

    #[test]
    fn a_pair_can_be_neighbours_and_the_rest_passes() {
        let device = Device::flex();
        let positions = Tensor::<2, Int>::from_ints([[3]], &device);
        let x = Tensor::<4>::from_floats([[[[1.0, 0.0, 2.0, 0.0, 7.0]]]], &device);
        let frequencies = RopeParameters::default().frequencies(4, 16).unwrap();
        let got = Rotation::at(positions, &frequencies).apply_to(x, Pairs::Neighbours).into_data();
        let expected = [3f32.cos(), 3f32.sin(), 2.0 * 0.03f32.cos(), 2.0 * 0.03f32.sin(), 7.0];
        let expected = burn::tensor::TensorData::new(expected.to_vec(), [1, 1, 1, 5]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
    }
}
