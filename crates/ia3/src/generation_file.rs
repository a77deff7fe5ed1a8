use std::path::{Path, PathBuf};

use ia3_guard::{FileError, Limit, quote, read_text};
use ia3_models::{EarlyStopping, GenerationConfig, Sampling};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::Error;
use crate::speech_prompt::SpeechPrompt;

/// The settings in the `generation_config.json` of a base, as far as they have a meaning here. What the file leaves out is `None`.
///
/// ```no_run
/// use ia3::GenerationFile;
///
/// let base = ia3::from_pretrained("t5-small", &ia3::device(None)?)?;
/// let config = GenerationFile::open("t5-small")?.applied_to(base.model.generation_config(64));
/// println!("{:?}", config.eos_token_id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct GenerationFile {
    /// The ids that end a text.
    #[serde(deserialize_with = "one_or_several")]
    pub eos_token_id: Option<Vec<i64>>,
    /// The id that fills a row after its end.
    pub pad_token_id: Option<i64>,
    /// The number of tokens before which no row may end.
    pub min_new_tokens: Option<usize>,
    /// See [`GenerationConfig::repetition_penalty`].
    pub repetition_penalty: Option<f64>,
    /// See [`GenerationConfig::no_repeat_ngram_size`].
    pub no_repeat_ngram_size: Option<usize>,
    /// Whether tokens are drawn. [`applied_to`](Self::applied_to) leaves this to the caller.
    pub do_sample: Option<bool>,
    /// See [`Sampling::temperature`].
    pub temperature: Option<f64>,
    /// See [`Sampling::top_k`]; 0 means all tokens.
    pub top_k: Option<usize>,
    /// See [`Sampling::top_p`].
    pub top_p: Option<f64>,
    /// See [`Sampling::min_p`].
    pub min_p: Option<f64>,
    /// See [`GenerationConfig::num_beams`].
    pub num_beams: Option<usize>,
    /// See [`GenerationConfig::length_penalty`].
    pub length_penalty: Option<f64>,
    /// See [`GenerationConfig::early_stopping`].
    #[serde(deserialize_with = "early_stopping")]
    pub early_stopping: Option<EarlyStopping>,
    /// See [`GenerationConfig::num_return_sequences`]. It has a meaning for several beams only.
    pub num_return_sequences: Option<usize>,
    /// See [`GenerationConfig::forced_bos_token_id`].
    pub forced_bos_token_id: Option<i64>,
    /// See [`GenerationConfig::suppress_tokens`].
    pub suppress_tokens: Option<Vec<i64>>,
    /// See [`GenerationConfig::begin_suppress_tokens`].
    pub begin_suppress_tokens: Option<Vec<i64>>,
    /// The first tokens of the decoder of Whisper.
    #[serde(flatten)]
    pub speech: SpeechPrompt,
    /// See [`GenerationConfig::forced_eos_token_id`]. The file may have a list of one id.
    #[serde(deserialize_with = "only_one")]
    pub forced_eos_token_id: Option<i64>,
}

fn early_stopping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EarlyStopping>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Switch(bool),
        Name(String),
    }
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Switch(false)) => Ok(Some(EarlyStopping::Heuristic)),
        Some(Value::Switch(true)) => Ok(Some(EarlyStopping::Full)),
        Some(Value::Name(name)) if name == "never" => Ok(Some(EarlyStopping::Never)),
        Some(Value::Name(name)) => {
            let expected = format!("`early_stopping` is {}, expected true, false or \"never\"", quote(&name));
            Err(D::Error::custom(expected))
        }
    }
}

fn only_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match one_or_several(deserializer)?.as_deref() {
        None | Some([]) => Ok(None),
        Some([id]) => Ok(Some(*id)),
        Some(ids) => {
            let expected = format!("`forced_eos_token_id` has {} ids, expected one", ids.len());
            Err(D::Error::custom(expected))
        }
    }
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i64>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        One(i64),
        Several(Vec<i64>),
    }
    Ok(Option::<Ids>::deserialize(deserializer)?.map(|ids| match ids {
        Ids::One(id) => vec![id],
        Ids::Several(ids) => ids,
    }))
}

impl GenerationFile {
    /// Reads the file in the folder of a base. A folder without it and a GGUF file give the default, which sets
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Error::BadGeneration`] if the file cannot be read or a setting has the wrong type.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        if dir.as_ref().is_file() {
            return Ok(Self::default());
        }
        let path: PathBuf = dir.as_ref().join("generation_config.json");
        let failed = |reason: String| Error::BadGeneration { path: path.clone(), reason };
        match read_text(&path, Limit::CONFIG) {
            Err(FileError::NotFound { .. }) => Ok(Self::default()),
            Err(error) => Err(failed(error.reason().to_string())),
            Ok(text) => {
                let file: Self = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
                file.speech.check().map_err(|error| failed(error.to_string()))?;
                Ok(file)
            }
        }
    }

    /// The settings for Whisper with this language, as its code such as `en`, in the place of that of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Model`]: the file does not know the language.
    pub fn with_language(mut self, language: impl Into<String>) -> Result<Self, Error> {
        self.speech.language = Some(language.into());
        self.speech.check()?;
        Ok(self)
    }

    /// The settings for Whisper with this task, `transcribe` or `translate`, in the place of that of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Model`]: the file does not know the task.
    pub fn with_task(mut self, task: impl Into<String>) -> Result<Self, Error> {
        self.speech.task = Some(task.into());
        self.speech.check()?;
        Ok(self)
    }

    /// The settings with those of the file in the place of their own: ids, penalties, beams and the smallest number of tokens.
    ///
    /// Tokens are drawn only where the settings say so, whatever `do_sample` is; [`sampling`](Self::sampling) has the file's
    /// settings for that.
    pub fn applied_to(&self, config: GenerationConfig) -> GenerationConfig {
        let mut config = config;
        if let Some(ids) = self.eos_token_id.as_ref().filter(|ids| !ids.is_empty()) {
            config.eos_token_id.clone_from(ids);
        }
        config.pad_token_id = self.pad_token_id.unwrap_or(config.pad_token_id);
        config.min_new_tokens = self.min_new_tokens.unwrap_or(config.min_new_tokens);
        config.repetition_penalty = self.repetition_penalty.unwrap_or(config.repetition_penalty);
        config.no_repeat_ngram_size = self.no_repeat_ngram_size.unwrap_or(config.no_repeat_ngram_size);
        config.forced_bos_token_id = self.forced_bos_token_id.or(config.forced_bos_token_id);
        config.forced_eos_token_id = self.forced_eos_token_id.or(config.forced_eos_token_id);
        config.num_beams = self.num_beams.unwrap_or(config.num_beams);
        config.length_penalty = self.length_penalty.unwrap_or(config.length_penalty);
        config.early_stopping = self.early_stopping.unwrap_or(config.early_stopping);
        let returned = self.num_return_sequences.filter(|_| config.num_beams > 1);
        config.num_return_sequences = returned.unwrap_or(config.num_return_sequences);
        config.suppress_tokens = self.suppress_tokens.clone().unwrap_or(config.suppress_tokens);
        config.begin_suppress_tokens =
            self.begin_suppress_tokens.clone().unwrap_or(config.begin_suppress_tokens);
        self.speech.applied_to(config)
    }

    /// The settings for drawing tokens, with those of the file in the place of the defaults.
    pub fn sampling(&self) -> Sampling {
        let default = Sampling::new();
        Sampling::new()
            .with_temperature(self.temperature.unwrap_or(default.temperature))
            .with_top_k(self.top_k.filter(|&top_k| top_k > 0))
            .with_top_p(self.top_p.unwrap_or(default.top_p))
            .with_min_p(self.min_p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GenerationFile, Error> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("generation_config.json"), text).unwrap();
        GenerationFile::open(dir.path())
    }

    #[test]
    fn the_file_overrides_what_it_has() {
        let start = GenerationConfig::new(9, vec![1]);
        let file = read(
            r#"{"eos_token_id": [2, 5], "repetition_penalty": 1.2, "top_k": 0, "min_p": 0.1, "unknown": {}}"#,
        );
        let file = file.unwrap();
        let config = file.applied_to(start.clone());
        assert_eq!((config.eos_token_id.as_slice(), config.pad_token_id), (&[2, 5][..], 1));
        assert_eq!((config.repetition_penalty, config.sampling, config.max_new_tokens), (1.2, None, 9));
        assert_eq!((file.sampling().top_k, file.sampling().min_p), (None, Some(0.1)));
        assert_eq!(read(r#"{"eos_token_id": 7}"#).unwrap().applied_to(start.clone()).eos_token_id, [7]);
        let nowhere = tempfile::tempdir().unwrap();
        assert_eq!(GenerationFile::open(nowhere.path()).unwrap().applied_to(start.clone()), start);
    }

    #[test]
    fn beams_and_forced_tokens_are_read() {
        let start = GenerationConfig::new(9, vec![1]);
        let text = r#"{"num_beams": 4, "length_penalty": 0.6, "early_stopping": true, "num_return_sequences": 2,
                       "forced_bos_token_id": 7, "forced_eos_token_id": [2]}"#;
        let config = read(text).unwrap().applied_to(start.clone());
        let expected = start
            .clone()
            .with_num_beams(4)
            .with_length_penalty(0.6)
            .with_early_stopping(EarlyStopping::Full)
            .with_num_return_sequences(2)
            .with_forced_bos_token_id(7)
            .with_forced_eos_token_id(2);
        assert_eq!(config, expected);
        let drawn = read(r#"{"num_return_sequences": 3, "early_stopping": "never"}"#).unwrap();
        let drawn = drawn.applied_to(start);
        assert_eq!((drawn.num_return_sequences, drawn.early_stopping), (1, EarlyStopping::Never));
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error(r#"{"early_stopping": "often"}"#).contains("expected true, false or \"never\""));
        assert!(error(r#"{"forced_eos_token_id": [2, 3]}"#).contains("`forced_eos_token_id` has 2 ids"));
    }

    #[test]
    fn a_setting_of_another_type_is_named_with_its_file() {
        let error = read(r#"{"top_k": "many"}"#).unwrap_err().to_string();
        assert!(error.contains("generation_config.json: ") && error.contains("\"many\""), "{error}");
    }
}
