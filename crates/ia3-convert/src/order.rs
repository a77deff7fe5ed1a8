//! The order of modules in a model, as far as it follows from their names.

use std::cmp::Ordering;

/// The sort key of a module path: numbers are compared by value, the encoder comes before the decoder.
pub(crate) fn key(module: &str) -> Vec<Segment> {
    module.split('.').map(|segment| Segment(segment.to_string())).collect()
}

#[derive(PartialEq, Eq)]
pub(crate) struct Segment(String);

impl Segment {
    fn rank(&self) -> (u8, Option<u64>, &str) {
        let number = self.0.parse().ok();
        (u8::from(self.0 != "encoder"), number, &self.0)
    }
}

impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_in_the_order_of_the_model() {
        let mut modules =
            ["decoder.block.0.k", "encoder.block.10.k", "encoder.block.2.v", "encoder.block.2.k", "a"];
        modules.sort_by_key(|module| key(module));
        let expected =
            ["encoder.block.2.k", "encoder.block.2.v", "encoder.block.10.k", "a", "decoder.block.0.k"];
        assert_eq!(modules, expected);
    }
}
