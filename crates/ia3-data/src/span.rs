use serde::{Deserialize, Serialize};

/// The answer to a question in a window of a context: the target of a model that marks spans.
///
/// A long context has several windows, each of which is an [`Example`](crate::Example) of its own. Those of one question follow
/// one another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The position in the input of the first token of the answer. It is 0, that of the classification token, where the window
    /// does not hold the whole answer.
    pub start: usize,
    /// The position of the last token of the answer, as [`start`](Self::start).
    pub end: usize,
    /// The bytes of [`text`](Self::text) that each token of the input stands for; `None` outside the context.
    pub places: Vec<Option<(usize, usize)>>,
    /// The part of the context that the window shows.
    pub text: String,
    /// The right answers of the question. There is none if the context does not answer it.
    pub answers: Vec<String>,
    /// Whether the window is of the same question as the example before it.
    pub continues: bool,
}

impl Span {
    /// The text of the tokens from `first` to `last`; `None` if one of the two is outside the context.
    pub fn text_of(&self, first: usize, last: usize) -> Option<&str> {
        let place = |token: usize| self.places.get(token).copied().flatten();
        self.text.get(place(first)?.0..place(last)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_context_have_a_text() {
        let places = vec![None, Some((0, 2)), Some((3, 4))];
        let span = Span { places, text: "in été".into(), ..Span::default() };
        assert_eq!(span.text_of(1, 1), Some("in"));
        assert_eq!(span.text_of(0, 1), None);
        assert_eq!(span.text_of(1, 3), None);
        assert_eq!(span.text_of(1, 2), None, "a place within a character has no text");
    }
}
