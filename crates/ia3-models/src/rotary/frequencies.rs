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
    Dynamic { theta: f64, factor: f64, trained: usize, width: usize },
    /// Others beyond this length.
    Fixed { beyond: f64, frequencies: Vec<f32> },
}

impl RotaryFrequencies {
    /// The angles per position of a base, for `width` rotated features of a head. An odd width has one more pair, as in
    /// transformers.
    pub(super) fn of_base(theta: f64, width: usize) -> Vec<f32> {
        let pair = |i: usize| 1.0 / theta.powf(((2 * i) as f32 / width as f32).into()) as f32;
        (0..width.div_ceil(2)).map(pair).collect()
    }

    /// The angles per position of the usual base, 10000, for `width` rotated features of a head.
    pub(crate) fn of_width(width: usize) -> Self {
        Self::fixed(Self::of_base(10_000.0, width))
    }

    pub(super) fn fixed(short: Vec<f32>) -> Self {
        Self { short, scale: 1.0, longer: None }
    }

    /// The number of pairs of a head that are rotated.
    #[cfg(test)]
    pub(crate) fn pairs(&self) -> usize {
        self.short.len()
    }

    /// Whether the angles depend on the length of the sequence.
    pub(crate) fn depend_on_length(&self) -> bool {
        self.longer.is_some()
    }

    /// Factor on cosines and sines.
    pub(crate) fn scale(&self) -> f32 {
        self.scale
    }

    /// The number of positions beyond which all angles are others, so that rotated keys of fewer positions do not fit.
    pub(crate) fn other_beyond(&self) -> Option<usize> {
        match &self.longer {
            Some(Longer::Fixed { beyond, .. }) => Some(*beyond as usize),
            _ => None,
        }
    }

    /// The number of positions up to which the angles are the same for sequences of every length.
    pub(crate) fn same_up_to(&self) -> Option<usize> {
        match &self.longer {
            Some(Longer::Dynamic { trained, .. }) => Some(*trained),
            _ => self.other_beyond(),
        }
    }

    /// The angles per position of a sequence of `length` positions.
    pub(crate) fn of_length(&self, length: usize) -> Vec<f32> {
        match &self.longer {
            Some(Longer::Fixed { beyond, frequencies }) if length as f64 > *beyond => frequencies.clone(),
            Some(Longer::Dynamic { theta, factor, trained, width }) if length > *trained => {
                let stretch = factor * length as f64 / *trained as f64 - (factor - 1.0);
                let power = *width as f64 / (*width as f64 - 2.0);
                Self::of_base(theta * stretch.powf(power), *width)
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
