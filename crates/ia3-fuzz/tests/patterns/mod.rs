//! Random patterns of Python's `re`, and texts that they may match.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// A pattern and texts for it.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) pattern: String,
    pub(crate) texts: Vec<String>,
}

/// So many patterns, which depend on `seed` alone.
pub(crate) fn draw(count: usize, seed: u64) -> impl Iterator<Item = Drawn> {
    let config = Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let strategy = drawn();
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a pattern can be drawn").current())
}

/// The answers are Python's for texts of ASCII that are not empty and have no line break.
fn drawn() -> impl Strategy<Value = Drawn> {
    let texts = prop::collection::vec("[aabbk.1_ A{-]{1,6}", 6);
    let pattern = prop_oneof![3 => valid(), 1 => pieces()];
    (pattern, texts).prop_map(|(pattern, texts)| Drawn { pattern, texts })
}

/// Patterns by Python's grammar, most of which it reads.
fn valid() -> impl Strategy<Value = String> {
    const ATOMS: [&str; 30] = [
        "a", "b", "k", ".", "1", "_", " ", "A", r"\.", r"\d", r"\w", r"\s", r"\S", r"\D", r"\W", "[ab]",
        "[^a]", "[a-k1-9]", r"[\w.]", "[]a]", "[^]a]", "[-a]", "[a-]", "{", r"\x61", r"\b", r"\B", "^", "$",
        r"\Z",
    ];
    let atom = prop::sample::select(ATOMS.to_vec()).prop_map(str::to_string);
    atom.prop_recursive(4, 24, 4, |inner| {
        let quantifier = prop::sample::select(vec![
            "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "*+", "++", "?+",
        ]);
        let opening = prop::sample::select(vec![
            "(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:", "(?s:", "(?P<n>", "(?x:",
        ]);
        let reference = prop::sample::select(vec![r"\1", r"\2", "(?P=n)", "(?(1)a|b)", "(?(n)a)", "(?(2)b)"]);
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => (inner.clone(), quantifier).prop_map(|(part, quantifier)| part + quantifier),
            3 => (opening, inner.clone()).prop_map(|(opening, part)| format!("{opening}{part})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}|{b}")),
            1 => (inner, reference).prop_map(|(part, reference)| format!("({part}){reference}")),
        ]
    })
}

/// Any sequence of pieces, few of which Python reads: the tokens of the fuzz target, and what Python has not or means otherwise.
fn pieces() -> impl Strategy<Value = String> {
    const MORE: [&str; 18] = [
        "b", " ", "--", "~~", "||", r"\<", r"\Q", r"\E", r"\h", r"\K", r"\G", r"\z", r"\p{L}", r"\u0061",
        "(?<n>", "(?|", "(?R)", "<",
    ];
    let pieces: Vec<&str> = ia3_fuzz::regex::TARGET.tokens.iter().copied().chain(MORE).collect();
    prop::collection::vec(prop::sample::select(pieces), 0..8).prop_map(|pieces| pieces.concat())
}
