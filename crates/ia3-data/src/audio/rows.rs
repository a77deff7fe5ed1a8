use std::path::Path;

use super::log_mel::LogMel;
use crate::error::DataError;
use crate::example::{Example, MAX_INPUT_TOKENS};
use crate::fields::Fields;
use crate::record::Record;
use crate::rows_with_files::examples;
use crate::sound_features::SoundFeatures;
use crate::tokenizer::Tokenizer;

/// The usual names of the field that says what is said: those of the data sets Common Voice, LibriSpeech and FLEURS among them.
const TARGETS: [&str; 4] = ["target", "text", "sentence", "transcription"];

/// Turns rows of data with sound into examples for Whisper. The field `audio`, or the one that [`Fields::input`] names, is the path of
/// a WAV file, relative to the folder of the data. The field `target`, `text`, `sentence` or `transcription`, or the one that
/// [`Fields::target`] names, is what is said in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SoundRows {
    /// How sound becomes features.
    pub log_mel: LogMel,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// What the decoder reads between its start token and the text: language, task, and that no times follow.
    pub prompt: Vec<i64>,
    /// The id that ends a text.
    pub end: i64,
    /// The names of the fields.
    pub fields: Fields,
    /// The maximum number of tokens of a text.
    pub max_target_tokens: usize,
}

impl SoundRows {
    /// Rows whose texts begin with `prompt`, end with the token `end`, and have at most [`MAX_INPUT_TOKENS`] tokens.
    pub fn new(log_mel: LogMel, tokenizer: Tokenizer, prompt: Vec<i64>, end: i64, fields: Fields) -> Self {
        Self { log_mel, tokenizer, prompt, end, fields, max_target_tokens: MAX_INPUT_TOKENS }
    }

    /// Sets the maximum number of tokens of a text. Longer texts are truncated.
    pub fn with_max_target_tokens(self, max_target_tokens: usize) -> Self {
        Self { max_target_tokens, ..self }
    }

    /// Reads a file of rows and their sounds, on all cores. The features of all sounds are in memory then: for Whisper 32 kB for
    /// a second of sound, and 41 kB for one with 128 bins.
    ///
    /// # Errors
    ///
    /// As [`read_records`](crate::read_records), and [`DataError::Line`] for the first row that cannot be turned into an example.
    pub fn read(&self, path: &Path) -> Result<Vec<Example>, DataError> {
        examples(path, |row, folder| self.example(row, folder))
    }

    fn example(&self, row: &Record, folder: &Path) -> Result<Example, DataError> {
        let name = row.text(self.fields.input.as_deref().unwrap_or("audio"))?;
        let said = row.text(self.target_field(row))?;
        let mut target =
            self.tokenizer.encode_plain(said.trim(), Some(self.max_target_tokens.saturating_sub(1)))?;
        target.push(self.end);
        let features = self.log_mel.features_of_file(folder.join(&name))?;
        let shape = [self.log_mel.bins(), self.log_mel.frames()];
        Ok(Example::of_sound(SoundFeatures::new(name, shape, &features), self.prompt.clone(), target))
    }

    fn target_field<'a>(&'a self, row: &Record) -> &'a str {
        let usual = || TARGETS.into_iter().find(|name| row.has(name)).unwrap_or(TARGETS[0]);
        self.fields.target.as_deref().unwrap_or_else(usual)
    }
}
