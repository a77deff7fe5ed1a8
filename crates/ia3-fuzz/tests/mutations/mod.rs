//! Mutations of valid inputs, as a strategy of proptest that reduces them.

mod json;

use std::fmt;

use ia3_fuzz::{TOKENS, Target};
use proptest::prelude::*;
use proptest::sample::Index;

/// An input, shown as a text.
pub(crate) struct Input(pub(crate) Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.escape_ascii().take(2000).map(char::from).collect();
        write!(f, "{} bytes: {shown}", self.0.len())
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Token(Index, Index),
    Replace(Index, Index),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Move(Index, Index, usize),
    Cut(Index),
    Json(Index, Index),
    Grow(Index, usize),
}

/// Inputs with up to eight edits.
pub(crate) fn mutated(target: &Target, inputs: &[Vec<u8>]) -> impl Strategy<Value = Input> {
    let tokens: Vec<&[u8]> = TOKENS.iter().chain(target.tokens).map(|token| token.as_bytes()).collect();
    let edits = prop::collection::vec(edit(), 1..8);
    (prop::sample::select(inputs.to_vec()), edits).prop_map(move |(input, edits)| {
        Input(edits.iter().fold(input, |input, edit| apply(input, edit, &tokens)))
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), 0u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        4 => (at(), at()).prop_map(|(at, token)| Edit::Token(at, token)),
        4 => (at(), at()).prop_map(|(at, token)| Edit::Replace(at, token)),
        2 => (at(), 1usize..40).prop_map(|(at, len)| Edit::Remove(at, len)),
        2 => (at(), 1usize..80, 1usize..60).prop_map(|(at, len, times)| Edit::Repeat(at, len, times)),
        2 => (at(), at(), 1usize..80).prop_map(|(from, to, len)| Edit::Move(from, to, len)),
        1 => at().prop_map(Edit::Cut),
        8 => (at(), at()).prop_map(|(at, token)| Edit::Json(at, token)),
        1 => (at(), 1usize..200, at()).prop_map(|(at, count, scale)| Edit::Grow(at, count * [1, 1, 1, 20][scale.index(4)])),
    ]
}

fn apply(mut input: Vec<u8>, edit: &Edit, tokens: &[&[u8]]) -> Vec<u8> {
    if input.is_empty() {
        input.push(b' ');
    }
    let len = input.len();
    match *edit {
        Edit::Set(at, byte) => input[at.index(len)] = byte,
        Edit::Flip(at, bit) => input[at.index(len)] ^= 1 << bit,
        Edit::Token(at, token) => {
            let at = at.index(len);
            input.splice(at..at, tokens[token.index(tokens.len())].iter().copied());
        }
        Edit::Replace(at, token) => {
            let word = word(&input, at.index(len));
            input.splice(word, tokens[token.index(tokens.len())].iter().copied());
        }
        Edit::Remove(at, count) => {
            let at = at.index(len);
            input.drain(at..len.min(at + count));
        }
        Edit::Repeat(at, count, times) => {
            let at = at.index(len);
            let part = input[at..len.min(at + count)].repeat(times);
            input.splice(at..at, part);
        }
        Edit::Move(from, to, count) => {
            let from = from.index(len);
            let part: Vec<u8> = input[from..len.min(from + count)].to_vec();
            let to = to.index(len);
            input.splice(to..to, part);
        }
        Edit::Cut(at) => input.truncate(at.index(len)),
        Edit::Grow(at, count) => json::grow(&mut input, at, count),
        Edit::Json(at, token) => json::replace(&mut input, at, tokens[token.index(tokens.len())]),
    }
    input
}

/// The letters and digits around a byte, such as a name or a number.
fn word(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-+".contains(byte);
    let before = input[..at].iter().rev().take_while(|byte| is_word(byte)).count();
    let after = input[at..].iter().take_while(|byte| is_word(byte)).count();
    at - before..at + after.max(1)
}
