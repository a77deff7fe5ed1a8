//! Which fields of a row are its input: one text, or two.

use crate::error::DataError;
use crate::model_kind::ModelKind;
use crate::record::Record;

/// The usual names of two texts, in the order in which they are looked for. The last ones are those of GLUE's data sets.
const PAIRS: [[&str; 2]; 6] = [
    ["input", "text_pair"],
    ["text", "text_pair"],
    ["premise", "hypothesis"],
    ["sentence1", "sentence2"],
    ["question1", "question2"],
    ["question", "sentence"],
];

/// The names that are given for the fields of the input.
#[derive(Clone, Copy)]
pub(crate) struct InputNames<'a> {
    /// Of the first text, or of the only one.
    pub(crate) input: Option<&'a str>,
    /// Of the second text.
    pub(crate) text_pair: Option<&'a str>,
}

impl<'a> InputNames<'a> {
    /// The text of a row that a model reads, and the second text where a model of this kind reads two.
    pub(crate) fn texts(
        self,
        row: &Record,
        model: &ModelKind,
    ) -> Result<(String, Option<String>), DataError> {
        if !model.reads_pairs() {
            return match self.text_pair {
                Some(_) => Err(DataError::PairForModel),
                None => Ok((row.text(self.one(row))?, None)),
            };
        }
        let (first, second) = self.names(row);
        Ok((row.text(first)?, second.map(|second| row.text(second)).transpose()?))
    }

    /// The name of the only text.
    fn one(self, row: &Record) -> &'a str {
        match self.input {
            Some(field) => field,
            None if row.has("input") || !row.has("text") => "input",
            None => "text",
        }
    }

    /// The name of the first text, and that of the second if there is one. A named input is alone unless its second text is named
    /// too.
    fn names(self, row: &Record) -> (&'a str, Option<&'a str>) {
        match (self.input, self.text_pair) {
            (Some(first), second) => (first, second),
            (None, Some(second)) => {
                let usual = PAIRS.into_iter().find(|pair| pair[1] == second && row.has(pair[0]));
                (usual.map_or_else(|| self.one(row), |pair| pair[0]), Some(second))
            }
            (None, None) => match usual(row) {
                Some([first, second]) => (first, Some(second)),
                None => (self.one(row), None),
            },
        }
    }
}

/// The usual names of which the row has both. A row with `input` or `text` has no other first text.
fn usual(row: &Record) -> Option<[&'static str; 2]> {
    let single = ["input", "text"].into_iter().find(|name| row.has(name));
    let fits = |pair: &[&str; 2]| {
        single.is_none_or(|single| single == pair[0]) && pair.iter().all(|name| row.has(name))
    };
    PAIRS.into_iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: InputNames = InputNames { input: None, text_pair: None };

    fn read(names: InputNames, json: &str) -> Result<(String, Option<String>), String> {
        let row = Record::from_json(json).unwrap();
        names.texts(&row, &ModelKind::Classifier).map_err(|error| error.to_string())
    }

    fn pair(first: &str, second: &str) -> Result<(String, Option<String>), String> {
        Ok((first.into(), Some(second.into())))
    }

    #[test]
    fn pairs_are_found_by_their_usual_names() {
        for [first, second] in PAIRS {
            let row = format!(r#"{{"id": 1, "{first}": "a", "{second}": "b", "label": 0}}"#);
            assert_eq!(read(USUAL, &row), pair("a", "b"), "{first}");
            let named = InputNames { text_pair: Some(second), ..USUAL };
            assert_eq!(read(named, &row), pair("a", "b"), "{first}");
            let alone = InputNames { input: Some(second), ..USUAL };
            assert_eq!(read(alone, &row), Ok(("b".into(), None)), "{first}");
        }
    }

    #[test]
    fn one_text_stays_one_text() {
        let single = |json: &str| assert_eq!(read(USUAL, json), Ok(("a".into(), None)), "{json}");
        single(r#"{"input": "a", "premise": "b", "hypothesis": "c"}"#);
        single(r#"{"text": "a", "sentence1": "b", "sentence2": "c"}"#);
        single(r#"{"input": "a", "text": "b"}"#);
        single(r#"{"text": "a", "hypothesis": "c"}"#);
    }

    #[test]
    fn named_fields_come_first_and_a_missing_one_is_named() {
        let names = InputNames { input: Some("q"), text_pair: Some("p") };
        let row = r#"{"text": "x", "text_pair": "y", "q": "a", "p": "b"}"#;
        assert_eq!(read(names, row), pair("a", "b"));
        let missing = read(names, r#"{"q": "a", "text_pair": "y"}"#).unwrap_err();
        assert_eq!(missing, "the row has no field `p`; it has `q`, `text_pair`");
        let null = read(USUAL, r#"{"text": "a", "text_pair": null}"#).unwrap_err();
        assert_eq!(null, "field `text_pair` is null, expected a text");
        let half = read(USUAL, r#"{"premise": "a"}"#).unwrap_err();
        assert_eq!(half, "the row has no field `input`; it has `premise`");
    }
}
