use std::fmt;

use super::Model;
use crate::error::Error;

/// What a generation made. Its `Display` has a line for each batch entry: the text where the model has a tokenizer, else
/// the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generated {
    /// The ids of each batch entry, as transformers' `generate` returns them: they start with the prompt, or with the start
    /// token of an encoder-decoder, and end with padding where another entry is longer.
    pub ids: Vec<Vec<i64>>,
    /// The text of each batch entry without special tokens; `None` where the model has no tokenizer.
    pub texts: Option<Vec<String>>,
    /// The number of logits that were NaN or infinite, over all steps. If it is not 0, the ids mean nothing.
    pub non_finite: usize,
}

impl Generated {
    pub(super) fn new(generated: ia3_models::Generated, model: &Model) -> Result<Self, Error> {
        let ia3_models::Generated { ids, non_finite, .. } = generated;
        let [_, width] = ids.dims();
        let ids: Vec<i64> = ids.into_data().iter().collect();
        let ids: Vec<Vec<i64>> = ids.chunks(width).map(<[i64]>::to_vec).collect();
        Ok(Self { texts: texts(&ids, model)?, ids, non_finite })
    }
}

#[cfg(feature = "data")]
fn texts(ids: &[Vec<i64>], model: &Model) -> Result<Option<Vec<String>>, Error> {
    let decode = |text: &ia3_data::Tokenizer| ids.iter().map(|row| text.decode(row)).collect();
    Ok(model.tokenizer()?.map(decode).transpose()?)
}

#[cfg(not(feature = "data"))]
fn texts(_: &[Vec<i64>], _: &Model) -> Result<Option<Vec<String>>, Error> {
    Ok(None)
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |row: &Vec<i64>| row.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        let lines = match &self.texts {
            Some(texts) => texts.join("\n"),
            None => self.ids.iter().map(line).collect::<Vec<_>>().join("\n"),
        };
        f.write_str(&lines)
    }
}
