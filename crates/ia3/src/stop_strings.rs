use ia3_data::{DataError, Tokenizer};
use ia3_models::Step;

/// Ends a generation where one of several texts comes up, as `stop_strings` of transformers does: the tokens that complete the
/// text are the last ones of their batch entry.
///
/// ```
/// # let _folder = ia3_testing::enter_sandbox();
/// let base = ia3::Model::from_pretrained("examples/base", &ia3::Device::flex())?;
/// let answer = base.generate("time: 14:05").stop_strings(["oh"]).run()?;
/// assert_eq!(answer.to_string(), "two oh");
/// # Ok::<(), ia3::Error>(())
/// ```
///
/// Only what is generated is searched, not a prompt.
#[derive(Debug)]
pub struct StopStrings<'a> {
    tokenizer: &'a Tokenizer,
    texts: Vec<String>,
    /// The tokens of each batch entry so far.
    entries: Vec<Vec<i64>>,
    failed: Option<DataError>,
}

impl<'a> StopStrings<'a> {
    /// Watches for `texts`; empty ones are left out.
    pub fn new<S: Into<String>>(tokenizer: &'a Tokenizer, texts: impl IntoIterator<Item = S>) -> Self {
        let texts = texts.into_iter().map(Into::into).filter(|text: &String| !text.is_empty()).collect();
        Self { tokenizer, texts, entries: vec![], failed: None }
    }

    /// Looks at a step, and ends the entries that have one of the texts.
    pub fn watch(&mut self, step: &Step) {
        if self.texts.is_empty() {
            return;
        }
        self.entries.resize(step.tokens.len(), vec![]);
        for (entry, &token) in step.tokens.iter().enumerate() {
            self.entries[entry].push(token);
            match self.tokenizer.decode(&self.entries[entry]) {
                Ok(text) if self.texts.iter().any(|stop| text.contains(stop)) => step.end(entry),
                Ok(_) => (),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// The error of the tokenizer, if it failed.
    ///
    /// # Errors
    ///
    /// [`DataError::Tokenizer`].
    pub fn finish(self) -> Result<(), DataError> {
        self.failed.map_or(Ok(()), Err)
    }
}
