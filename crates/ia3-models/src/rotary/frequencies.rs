/// The angle per position of each pair of a head, in float32 as PyTorch computes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryFrequencies {
    /// The angles per position where the sequence is not longer than the model was trained on.
    pub(super) short: Vec<f32>,
    /// Factor on cosines and sines.
    pub(super) scale: f32,
    /// Other angles of longer sequences.
    pub(super) longer: Option<Longer>,
}

/// The angles per position of longer sequences.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Longer {
    /// Those of a base that grows with the length (`_compute_dynamic_ntk_parameters`).
    Dynamic { theta: f64, factor: f64, trained: usize },
    /// Others beyond this length.
    Fixed { beyond: f64, frequencies: Vec<f32> },
}

impl RotaryFrequencies {
    /// The angles per position of a base, for heads of width `head_dim`.
    pub(super) fn of_base(theta: f64, head_dim: usize) -> Vec<f32> {
        let pair = |i: usize| 1.0 / theta.powf(((2 * i) as f32 / head_dim as f32).into()) as f32;
        (0..head_dim / 2).map(pair).collect()
    }

    pub(super) fn fixed(short: Vec<f32>) -> Self {
        Self { short, scale: 1.0, longer: None }
    }

    /// Whether the angles depend on the length of the sequence.
    pub(crate) fn depend_on_length(&self) -> bool {
        self.longer.is_some()
    }

    /// Factor on cosines and sines.
    pub(crate) fn scale(&self) -> f32 {
        self.scale
    }

    /// The angles per position of a sequence of `length` positions.
    pub(crate) fn of_length(&self, length: usize) -> Vec<f32> {
        match &self.longer {
            Some(Longer::Fixed { beyond, frequencies }) if length as f64 > *beyond => frequencies.clone(),
            Some(Longer::Dynamic { theta, factor, trained }) if length > *trained => {
                let head_dim = 2 * self.short.len();
                let stretch = factor * length as f64 / *trained as f64 - (factor - 1.0);
                let power = head_dim as f64 / (head_dim as f64 - 2.0);
                Self::of_base(theta * stretch.powf(power), head_dim)
            }
            _ => self.short.clone(),
        }
    }

    pub(super) fn all_finite(&self) -> bool {
        let longer: &[f32] = match &self.longer {
            Some(Longer::Fixed { frequencies, .. }) => frequencies,
            _ => &[],
        };
        self.short.iter().chain(longer).chain([&self.scale]).all(|number| number.is_finite())
    }
}
