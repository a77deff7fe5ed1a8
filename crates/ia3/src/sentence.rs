//! What a folder of sentence-transformers says about embeddings of texts.

use std::borrow::Cow;
use std::path::{Component, Path};

use ia3_guard::{Limit, read_text};
use ia3_models::Pooling;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Error;

/// How a model embeds texts: what the folder of a sentence-transformers model says, or the mean of all tokens where it says
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentenceConfig {
    /// How tokens become one vector.
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
    /// The number of tokens to which texts are cut.
    pub max_tokens: Option<usize>,
    /// Whether texts are turned to lower case before they are tokenised.
    pub lower_case: bool,
}

impl SentenceConfig {
    /// Reads `modules.json`, the configuration of the pooling, and `sentence_bert_config.json`, where the folder has them.
    ///
    /// # Errors
    ///
    /// [`Error::Sentence`] for a file that cannot be read, and for a module or a pooling that is not supported.
    pub fn of(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let mut config = Self::default();
        if let Some(limits) = read::<Limits>(&folder.join("sentence_bert_config.json"))? {
            config.max_tokens = limits.max_seq_length;
            config.lower_case = limits.do_lower_case;
        }
        let path = folder.join("modules.json");
        for module in read::<Vec<Module>>(&path)?.unwrap_or_default() {
            match module.kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Normalize" => config.normalize = true,
                "Pooling" if is_inside(&module.path) => {
                    config.pooling = pooling(&folder.join(&module.path).join("config.json"))?;
                }
                "Pooling" => {
                    let problem = format!("the path `{}` leaves the folder", module.path);
                    return Err(Error::Sentence { path, problem });
                }
                _ => {
                    let problem = format!("the module `{}` is not supported", module.kind);
                    return Err(Error::Sentence { path, problem });
                }
            }
        }
        Ok(config)
    }

    /// A text as it is tokenised: in lower case, if the model was trained so.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.lower_case { text.to_lowercase().into() } else { text.into() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Limits {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

/// Whether a path of a module stays in the folder.
fn is_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The pooling of a `config.json`: the one mode that is switched on, or `pooling_mode`.
fn pooling(path: &Path) -> Result<Pooling, Error> {
    let fields: Map<String, Value> = read(path)?.unwrap_or_default();
    let is_on = |(_, value): &(&String, &Value)| **value == Value::Bool(true);
    let switches = fields.iter().filter(|(name, _)| name.starts_with("pooling_mode_"));
    let mut modes: Vec<&str> =
        switches.filter(is_on).map(|(name, _)| &name["pooling_mode_".len()..]).collect();
    modes.extend(fields.get("pooling_mode").and_then(Value::as_str));
    match modes.as_slice() {
        [] | ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["lasttoken"] => Ok(Pooling::Last),
        other => {
            let problem = format!(
                "the pooling `{}` is not supported; expected one of mean, cls and lasttoken",
                other.join(", ")
            );
            Err(Error::Sentence { path: path.to_owned(), problem })
        }
    }
}

/// The content of a JSON file, if there is one.
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let failed = |problem: String| Error::Sentence { path: path.to_owned(), problem };
    let text = read_text(path, Limit::CONFIG).map_err(|error| failed(error.reason().to_string()))?;
    serde_json::from_str(&text).map(Some).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(files: &[(&str, &str)]) -> Result<SentenceConfig, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("1_Pooling")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        SentenceConfig::of(dir.path()).map_err(|error| error.to_string())
    }

    const MODULES: &str = r#"[{"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}]"#;

    #[test]
    fn the_folder_says_how_texts_are_embedded() {
        assert_eq!(config(&[]).unwrap(), SentenceConfig::default());
        let pooling = r#"{"word_embedding_dimension": 384, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#;
        let limits = r#"{"max_seq_length": 256, "do_lower_case": true}"#;
        let files = [
            ("modules.json", MODULES),
            ("1_Pooling/config.json", pooling),
            ("sentence_bert_config.json", limits),
        ];
        let expected = SentenceConfig {
            pooling: Pooling::Cls,
            normalize: true,
            max_tokens: Some(256),
            lower_case: true,
        };
        assert_eq!(config(&files).unwrap(), expected);
        assert_eq!(
            (expected.text("Ähre A"), SentenceConfig::default().text("A")),
            ("ähre a".into(), "A".into())
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let two = r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#;
        let error = config(&[("modules.json", MODULES), ("1_Pooling/config.json", two)]).unwrap_err();
        assert!(error.ends_with("the pooling `cls_token, max_tokens` is not supported; expected one of mean, cls and lasttoken"), "{error}");
        let outside = MODULES.replace("1_Pooling", "../1_Pooling");
        let error = config(&[("modules.json", &outside)]).unwrap_err();
        assert!(error.ends_with("the path `../1_Pooling` leaves the folder"), "{error}");
        let dense = r#"[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]"#;
        let error = config(&[("modules.json", dense)]).unwrap_err();
        assert!(
            error.ends_with("the module `sentence_transformers.models.Dense` is not supported"),
            "{error}"
        );
    }
}
