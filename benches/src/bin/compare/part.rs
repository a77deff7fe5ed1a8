//! The parts of the measurements, each of which runs in its own process.

use clap::ValueEnum;
use ia3_benches::Shape;

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The limits of the machine.
    Machine,
    /// The products of the layers alone.
    Products,
    /// Forward pass with loss, with the adapter and merged.
    Forward,
    /// Training step of the vectors.
    Train,
    /// Forward pass of rows with their own adapters.
    Mixed,
    /// Greedy decoding of 32 tokens.
    Decode,
    /// A prompt of 512 tokens.
    Prompt,
    /// Load, switch and merge adapters.
    Adapters,
    /// Forward pass and training on rows of many lengths.
    Ragged,
    /// Time from the start of a process to its first token.
    Start,
}

impl Part {
    pub(crate) const ALL: &[Self] = &[
        Self::Machine,
        Self::Products,
        Self::Forward,
        Self::Train,
        Self::Mixed,
        Self::Decode,
        Self::Prompt,
        Self::Adapters,
        Self::Ragged,
        Self::Start,
    ];

    /// The name of the part on both sides.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Products => "products",
            Self::Forward => "forward",
            Self::Train => "train",
            Self::Mixed => "mixed",
            Self::Decode => "decode",
            Self::Prompt => "prompt",
            Self::Adapters => "adapters",
            Self::Ragged => "ragged",
            Self::Start => "start",
        }
    }

    /// Whether the part can be measured with one thread too, and beside a model of PEFT in bfloat16.
    pub(crate) fn has_variants(self) -> bool {
        matches!(self, Self::Forward | Self::Train | Self::Decode | Self::Prompt)
    }

    /// Whether the part can be measured beside llama.cpp, which has neither (IA)³ nor its training.
    pub(crate) fn is_beside_llama_cpp(self) -> bool {
        matches!(self, Self::Decode | Self::Prompt)
    }

    /// Whether the part can be measured on a shape: a classifier does not generate, and the rows of many lengths have classes.
    pub(crate) fn fits(self, shape: &Shape) -> bool {
        match self {
            // They are measured once, before the shapes.
            Self::Machine => false,
            Self::Products | Self::Forward | Self::Train | Self::Mixed | Self::Adapters => true,
            Self::Decode | Self::Prompt | Self::Start => !shape.classifies(),
            Self::Ragged => shape.classifies(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_equal_those_of_the_command_line_and_every_part_fits_a_shape() {
        for part in Part::ALL {
            assert_eq!(part.to_possible_value().unwrap().get_name(), part.name());
            let fits = ia3_benches::SHAPES.iter().any(|shape| part.fits(shape));
            assert_eq!(fits, *part != Part::Machine, "{part:?}");
        }
        assert_eq!(Part::ALL, Part::value_variants());
    }
}
