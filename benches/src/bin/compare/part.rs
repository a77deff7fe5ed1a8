//! What is measured in a process of its own.

use clap::ValueEnum;
use ia3_benches::Shape;

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Forward with loss, adapted and merged.
    Forward,
    /// A training step of the vectors.
    Train,
    /// Forward of rows that have an adapter each.
    Mixed,
    /// Generation of 32 tokens.
    Decode,
    /// Load an adapter, switch, merge.
    Adapters,
    /// Forward and training of rows of many lengths.
    Ragged,
    /// A process from its start to the first token.
    Start,
}

impl Part {
    pub(crate) const ALL: &[Self] =
        &[Self::Forward, Self::Train, Self::Mixed, Self::Decode, Self::Adapters, Self::Ragged, Self::Start];

    /// Its name on both sides.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Train => "train",
            Self::Mixed => "mixed",
            Self::Decode => "decode",
            Self::Adapters => "adapters",
            Self::Ragged => "ragged",
            Self::Start => "start",
        }
    }

    /// Whether it can be measured: a classifier generates nothing, and the rows of many lengths have classes.
    pub(crate) fn fits(self, shape: &Shape) -> bool {
        match self {
            Self::Forward | Self::Train | Self::Mixed | Self::Adapters => true,
            Self::Decode | Self::Start => !shape.classifies(),
            Self::Ragged => shape.classifies(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_every_part_fits_a_shape() {
        for part in Part::ALL {
            assert_eq!(part.to_possible_value().unwrap().get_name(), part.name());
            assert!(ia3_benches::SHAPES.iter().any(|shape| part.fits(shape)), "{part:?}");
        }
        assert_eq!(Part::ALL, Part::value_variants());
    }
}
