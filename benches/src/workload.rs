//! Data sets of the four kinds of targets, with the lengths of real texts.

use burn::tensor::{Device, Distribution, Tensor};
use ia3::data::{Example, Target};
use ia3::train::Dataset;

use crate::shape::Shape;

/// What a model is trained to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A text, by T5.
    Seq2Seq,
    /// The continuation of a text, by GPT-2.
    Causal,
    /// A class, by BERT.
    Classification,
    /// One of three texts, by T5 with T-Few's losses.
    Choices,
}

impl Workload {
    /// All workloads.
    pub const ALL: [Self; 4] = [Self::Seq2Seq, Self::Causal, Self::Classification, Self::Choices];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seq2Seq => "seq2seq",
            Self::Causal => "causal",
            Self::Classification => "classification",
            Self::Choices => "choices",
        }
    }

    /// The shape of the model.
    pub fn shape(self) -> &'static Shape {
        Shape::named(match self {
            Self::Seq2Seq | Self::Choices => "t5-small",
            Self::Causal => "gpt2",
            Self::Classification => "bert-base",
        })
    }

    /// Makes `rows` examples. The lengths of the inputs are log-normal, as those of real texts roughly are: the median is 64
    /// tokens, a sixth of them is longer than 130, and none is longer than 256. Targets have 1 to 16 tokens.
    pub fn dataset(self, rows: usize, device: &Device) -> Dataset {
        device.seed(1);
        let lengths = Tensor::<1>::random([rows], Distribution::Normal(64f64.ln(), 0.7), device).exp();
        let lengths: Vec<f32> = lengths.into_data().iter().collect();
        let example = |(row, length): (usize, &f32)| {
            Example::new(text(length.clamp(4.0, 256.0) as usize, row), self.target(row))
        };
        Dataset::from(lengths.iter().enumerate().map(example).collect::<Vec<_>>())
    }

    fn target(self, row: usize) -> Target {
        match self {
            Self::Seq2Seq | Self::Causal => text(1 + row % 16, row + 7).into(),
            Self::Classification => Target::Class(row % 2),
            Self::Choices => {
                let choices = (1..=3).map(|length| text(length * (1 + row % 3), row + length)).collect();
                Target::Choices { choices, answer: row % 3 }
            }
        }
    }
}

/// Ids of ordinary tokens, which differ by `seed`.
fn text(length: usize, seed: usize) -> Vec<i64> {
    (0..length).map(|i| 3 + ((seed * 31 + i * 17) % 900) as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_skewed_and_reproducible() {
        let _alone = crate::RANDOM.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let device = Device::flex();
        let lengths = || {
            let data = Workload::Seq2Seq.dataset(400, &device);
            let mut lengths: Vec<usize> = data.rows.iter().map(|row| row[0].input.len()).collect();
            lengths.sort();
            lengths
        };
        let sorted = lengths();
        assert_eq!(sorted, lengths());
        assert!((50..80).contains(&sorted[200]), "{}", sorted[200]);
        assert!((100..165).contains(&sorted[333]), "{}", sorted[333]);
        assert!(sorted[399] <= 256);
    }
}
