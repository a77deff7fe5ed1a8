//! Which fields of a row are its input: one text, or two.

use crate::error::DataError;
use crate::fields::Fields;
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

/// The text of a row that a model reads, and the second text where a model of this kind reads two.
pub(crate) fn texts(
    fields: &Fields,
    row: &Record,
    model: &ModelKind,
) -> Result<(String, Option<String>), DataError> {
    if !model.reads_pairs() {
        let named = fields.text_pair.is_some();
        return if named { Err(DataError::PairForModel) } else { Ok((row.text(one(fields, row))?, None)) };
    }
    let (first, second) = names(fields, row);
    Ok((row.text(first)?, second.map(|second| row.text(second)).transpose()?))
}

/// The name of the only text.
fn one<'a>(fields: &'a Fields, row: &Record) -> &'a str {
    match &fields.input {
        Some(field) => field,
        None if row.has("input") || !row.has("text") => "input",
        None => "text",
    }
}

/// The name of the first text, and that of the second if there is one. A named input is alone unless its second text is named too.
fn names<'a>(fields: &'a Fields, row: &Record) -> (&'a str, Option<&'a str>) {
    let usual = |second: &str| PAIRS.into_iter().find(|pair| pair[1] == second && row.has(pair[0]));
    match (&fields.input, fields.text_pair.as_deref()) {
        (None, Some(second)) => {
            (usual(second).map_or_else(|| one(fields, row), |pair| pair[0]), Some(second))
        }
        (Some(first), second) => (first, second),
        (None, None) => {
            let single = ["input", "text"].into_iter().find(|name| row.has(name));
            let fits = |pair: &[&str; 2]| {
                single.is_none_or(|single| single == pair[0]) && pair.iter().all(|name| row.has(name))
            };
            match PAIRS.into_iter().find(fits) {
                Some([first, second]) => (first, Some(second)),
                None => (one(fields, row), None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &Fields, json: &str) -> Result<(String, Option<String>), String> {
        let row = Record::from_json(json).unwrap();
        texts(fields, &row, &ModelKind::Classifier).map_err(|error| error.to_string())
    }

    fn pair(first: &str, second: &str) -> Result<(String, Option<String>), String> {
        Ok((first.into(), Some(second.into())))
    }

    #[test]
    fn pairs_are_found_by_their_usual_names() {
        for [first, second] in PAIRS {
            let row = format!(r#"{{"id": 1, "{first}": "a", "{second}": "b", "label": 0}}"#);
            assert_eq!(read(&Fields::new(), &row), pair("a", "b"), "{first}");
            let named = Fields::new().with_text_pair(second);
            assert_eq!(read(&named, &row), pair("a", "b"), "{first}");
            let alone = Fields::new().with_input(second);
            assert_eq!(read(&alone, &row), Ok(("b".into(), None)), "{first}");
        }
    }

    #[test]
    fn one_text_stays_one_text() {
        let single = |json: &str| assert_eq!(read(&Fields::new(), json), Ok(("a".into(), None)), "{json}");
        single(r#"{"input": "a", "premise": "b", "hypothesis": "c"}"#);
        single(r#"{"text": "a", "sentence1": "b", "sentence2": "c"}"#);
        single(r#"{"input": "a", "text": "b"}"#);
        single(r#"{"text": "a", "hypothesis": "c"}"#);
    }

    #[test]
    fn named_fields_come_first_and_a_missing_one_is_named() {
        let fields = Fields::new().with_input("q").with_text_pair("p");
        let row = r#"{"text": "x", "text_pair": "y", "q": "a", "p": "b"}"#;
        assert_eq!(read(&fields, row), pair("a", "b"));
        let missing = read(&fields, r#"{"q": "a", "text_pair": "y"}"#).unwrap_err();
        assert_eq!(missing, "the row has no field `p`; it has `q`, `text_pair`");
        let null = read(&Fields::new(), r#"{"text": "a", "text_pair": null}"#).unwrap_err();
        assert_eq!(null, "field `text_pair` is null, expected a text");
        let half = read(&Fields::new(), r#"{"premise": "a"}"#).unwrap_err();
        assert_eq!(half, "the row has no field `input`; it has `premise`");
    }
}
