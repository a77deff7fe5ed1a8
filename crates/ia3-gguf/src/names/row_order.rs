//! The order of the rows of a tensor, compared with Hugging Face's.

/// In which order a tensor has the rows of Hugging Face's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowOrder {
    /// In the same.
    Same,
    /// The first and the second half of each head's rows alternate, because llama.cpp rotates neighbours.
    Rotary {
        /// The number of heads.
        heads: u64,
    },
    /// Falcon's fused queries, keys and values: Hugging Face has the queries, the key and the value of each group side by
    /// side, the file all queries, all keys and all values.
    Groups {
        /// The number of heads.
        heads: u64,
        /// The number of groups, which is the number of heads of keys and values.
        groups: u64,
    },
}

impl RowOrder {
    /// The number by which the number of rows has to be divisible.
    pub fn divisor(self) -> u64 {
        match self {
            Self::Same => 1,
            Self::Rotary { heads } => heads.saturating_mul(2),
            Self::Groups { heads, groups } => heads.saturating_add(groups.saturating_mul(2)),
        }
    }

    /// The row of Hugging Face's weight that is row `row` of the tensor, which has `rows` rows, a multiple of the
    /// [`divisor`](Self::divisor).
    pub fn source(self, row: u64, rows: u64) -> u64 {
        match self {
            Self::Same => row,
            Self::Rotary { heads } => {
                let width = rows / heads;
                let (head, at) = (row / width, row % width);
                head * width + at % 2 * (width / 2) + at / 2
            }
            Self::Groups { heads, groups } => {
                let (width, queries) = (rows / (heads + 2 * groups), heads / groups);
                let (head, at) = (row / width, row % width);
                let place = match head {
                    _ if head < heads => head / queries * (queries + 2) + head % queries,
                    _ if head < heads + groups => (head - heads) * (queries + 2) + queries,
                    _ => (head - heads - groups) * (queries + 2) + queries + 1,
                };
                place * width + at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_of_each_head_alternate() {
        // Two heads of four rows: (0, 1 | 2, 3) becomes (0, 2, 1, 3).
        let rows: Vec<u64> = (0..8).map(|row| RowOrder::Rotary { heads: 2 }.source(row, 8)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn groups_are_sorted_into_queries_keys_and_values() {
        // Two groups of two queries, a key and a value, each of one row.
        let order = RowOrder::Groups { heads: 4, groups: 2 };
        let rows: Vec<u64> = (0..8).map(|row| order.source(row, 8)).collect();
        assert_eq!(rows, [0, 1, 4, 5, 2, 6, 3, 7]);
        let wide: Vec<u64> = (0..16).map(|row| order.source(row, 16)).collect();
        assert_eq!(wide[..6], [0, 1, 2, 3, 8, 9]);
    }

    #[test]
    fn one_group_is_in_the_order_of_hugging_face() {
        let order = RowOrder::Groups { heads: 3, groups: 1 };
        assert!((0..10).all(|row| order.source(row, 10) == row));
    }
}
