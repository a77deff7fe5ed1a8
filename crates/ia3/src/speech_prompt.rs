//! The tokens that the decoder of Whisper reads before its text: language, task, and that no times follow.

use std::collections::BTreeMap;

use ia3_models::{GenerationConfig, ModelError};
use serde::Deserialize;

/// What `generation_config.json` says of the first tokens of the decoder of Whisper.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct SpeechPrompt {
    /// The tokens behind the start token in the order of their places, which count from 1, as older files have them. A place
    /// without a token is that of the language. They have no effect where there is a language or a task.
    pub forced_decoder_ids: Option<Vec<(usize, Option<i64>)>>,
    /// The tokens of the languages by their names, such as `<|en|>`.
    pub lang_to_id: Option<BTreeMap<String, i64>>,
    /// The tokens of `transcribe` and `translate`.
    pub task_to_id: Option<BTreeMap<String, i64>>,
    /// The token that says that no times follow.
    pub no_timestamps_token_id: Option<i64>,
    /// The language of the sound, as its code `en` or its token `<|en|>`. Without one, the language of each row is detected, where
    /// the file has languages.
    pub language: Option<String>,
    /// `transcribe`, or `translate` for a translation to English.
    pub task: Option<String>,
    /// Whether times are written. They are not supported.
    pub return_timestamps: Option<bool>,
}

impl SpeechPrompt {
    /// Checks what the file says.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let wrong = |field, found: String, expected| Err(ModelError::Generation { field, found, expected });
        if self.return_timestamps == Some(true) {
            return wrong("return_timestamps", "true".into(), "false: times are not supported");
        }
        let forced = self.forced_decoder_ids.as_deref().unwrap_or_default();
        if forced.iter().enumerate().any(|(i, (place, _))| *place != i + 1) {
            let expected = "pairs of the places 1, 2, 3 … and their tokens";
            return wrong("forced_decoder_ids", format!("{forced:?}"), expected);
        }
        self.language.as_deref().map_or(Ok(None), |language| self.language_id(language).map(Some))?;
        self.task.as_deref().map_or(Ok(None), |task| self.task_id(task).map(Some))?;
        Ok(())
    }

    /// The token of a language, as its code or as its token.
    fn language_id(&self, language: &str) -> Result<i64, ModelError> {
        let name = language.to_lowercase();
        let known = self.lang_to_id.as_ref();
        let id = known.and_then(|known| known.get(&name).or_else(|| known.get(&format!("<|{name}|>"))));
        id.copied().ok_or_else(|| ModelError::Generation {
            field: "language",
            found: language.into(),
            expected: match known {
                Some(_) => "a code of `lang_to_id` in generation_config.json, such as en",
                None => {
                    "none, because generation_config.json has no `lang_to_id`: the model knows one language"
                }
            },
        })
    }

    fn task_id(&self, task: &str) -> Result<i64, ModelError> {
        let known = self.task_to_id.as_ref();
        known.and_then(|known| known.get(task)).copied().ok_or_else(|| ModelError::Generation {
            field: "task",
            found: task.into(),
            expected: match known {
                Some(_) => "a task of `task_to_id` in generation_config.json: transcribe or translate",
                None => "none, because generation_config.json has no `task_to_id`",
            },
        })
    }

    /// The settings with the first tokens of the decoder, by the rules of transformers (`_retrieve_init_tokens` of
    /// `generation_whisper.py`). What was checked is known.
    pub(crate) fn applied_to(&self, mut config: GenerationConfig) -> GenerationConfig {
        let language = self.language.as_deref().and_then(|language| self.language_id(language).ok());
        let task = self.task.as_deref().and_then(|task| self.task_id(task).ok());
        let mut tokens = match (language, task) {
            (None, None) => self.forced(&config.decoder_prompt),
            _ => vec![],
        };
        let detects =
            self.lang_to_id.is_some() && language.is_none() && matches!(tokens.first(), None | Some(None));
        if detects || language.is_some() {
            tokens = [language].into_iter().chain(tokens.into_iter().skip(1)).collect();
        }
        let tasks: Vec<i64> = self.task_to_id.iter().flat_map(|tasks| tasks.values().copied()).collect();
        let has_task = tokens.iter().flatten().any(|id| tasks.contains(id));
        let transcribe = || self.task_id("transcribe").ok().filter(|_| language.is_some() && !has_task);
        tokens.extend(task.or_else(transcribe).map(Some));
        let silent = self.no_timestamps_token_id.filter(|id| tokens.last() != Some(&Some(*id)));
        tokens.extend(silent.map(Some));
        config.decoder_prompt = tokens.into_iter().flatten().collect();
        config.languages = match &self.lang_to_id {
            Some(known) if detects => known.values().copied().collect(),
            _ => vec![],
        };
        config
    }

    /// The tokens of `forced_decoder_ids`, or those of `config.json`.
    fn forced(&self, of_config: &[i64]) -> Vec<Option<i64>> {
        match &self.forced_decoder_ids {
            Some(forced) => forced.iter().map(|(_, id)| *id).collect(),
            None => of_config.iter().copied().map(Some).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of `prompt` with the tokens 7 and 8 in `config.json`.
    fn tokens(json: &str) -> (Vec<i64>, Vec<i64>) {
        let prompt: SpeechPrompt = serde_json::from_str(json).unwrap();
        prompt.check().unwrap();
        let config = GenerationConfig::new(4, vec![]).with_decoder_prompt(vec![7, 8]);
        let config = prompt.applied_to(config);
        (config.decoder_prompt, config.languages)
    }

    /// What `_retrieve_init_tokens` of transformers 5.24 gives for the same files.
    #[test]
    fn the_first_tokens_are_those_of_transformers() {
        let all = r#""lang_to_id": {"<|de|>": 11, "<|en|>": 10}, "task_to_id": {"transcribe": 20, "translate": 21}, "no_timestamps_token_id": 30"#;
        let with = |more: &str| tokens(&format!("{{{all}{more}}}"));
        assert_eq!(tokens("{}"), (vec![7, 8], vec![]));
        assert_eq!(tokens(r#"{"no_timestamps_token_id": 8}"#), (vec![7, 8], vec![]));
        assert_eq!(tokens(r#"{"forced_decoder_ids": [[1, 5]]}"#), (vec![5], vec![]));
        // The language of config.json stays.
        assert_eq!(with(""), (vec![7, 8, 30], vec![]));
        assert_eq!(with(r#", "forced_decoder_ids": [[1, null], [2, 20]]"#), (vec![20, 30], vec![11, 10]));
        assert_eq!(with(r#", "forced_decoder_ids": []"#), (vec![30], vec![11, 10]));
        assert_eq!(with(r#", "language": "en""#), (vec![10, 20, 30], vec![]));
        assert_eq!(with(r#", "language": "<|DE|>", "task": "translate""#), (vec![11, 21, 30], vec![]));
        assert_eq!(with(r#", "task": "translate""#), (vec![21, 30], vec![11, 10]));
    }

    #[test]
    fn what_the_model_does_not_know_is_named() {
        let error = |json: &str| {
            let prompt: SpeechPrompt = serde_json::from_str(json).unwrap();
            prompt.check().unwrap_err().to_string()
        };
        let unknown = error(r#"{"language": "tlh", "lang_to_id": {"<|en|>": 10}}"#);
        assert!(unknown.starts_with("`language` is tlh, expected a code of `lang_to_id`"), "{unknown}");
        let english = error(r#"{"language": "en"}"#);
        assert!(english.contains("the model knows one language"), "{english}");
        let task = error(r#"{"task": "sing", "task_to_id": {"transcribe": 20}}"#);
        assert!(task.starts_with("`task` is sing, expected a task"), "{task}");
        let times = error(r#"{"return_timestamps": true}"#);
        assert_eq!(times, "`return_timestamps` is true, expected false: times are not supported");
        let places = error(r#"{"forced_decoder_ids": [[2, 5]]}"#);
        assert!(places.starts_with("`forced_decoder_ids` is [(2, Some(5))]"), "{places}");
    }
}
