//! PEFT's task types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// The task of the adapted model, under PEFT's names (`utils/peft_types.py`).
///
/// For a classification or question-answering task, planning adds the head to `modules_to_save`; see
/// [`TaskType::head_modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskType {
    /// `SEQ_CLS`: the model assigns one label to a text.
    #[serde(rename = "SEQ_CLS")]
    SeqCls,
    /// `SEQ_2_SEQ_LM`: the model has an encoder and a decoder, as T5 does.
    #[serde(rename = "SEQ_2_SEQ_LM")]
    Seq2SeqLm,
    /// `CAUSAL_LM`: the model continues a text, as GPT-2 does.
    #[serde(rename = "CAUSAL_LM")]
    CausalLm,
    /// `TOKEN_CLS`: the model assigns a label to each token.
    #[serde(rename = "TOKEN_CLS")]
    TokenCls,
    /// `QUESTION_ANS`: the model marks the span of a text that answers a question.
    #[serde(rename = "QUESTION_ANS")]
    QuestionAns,
    /// `FEATURE_EXTRACTION`: the model returns hidden states.
    #[serde(rename = "FEATURE_EXTRACTION")]
    FeatureExtraction,
}

impl TaskType {
    /// All task types, in PEFT's order.
    pub const ALL: [Self; 6] = [
        Self::SeqCls,
        Self::Seq2SeqLm,
        Self::CausalLm,
        Self::TokenCls,
        Self::QuestionAns,
        Self::FeatureExtraction,
    ];

    /// PEFT's name for the task, as in `adapter_config.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeqCls => "SEQ_CLS",
            Self::Seq2SeqLm => "SEQ_2_SEQ_LM",
            Self::CausalLm => "CAUSAL_LM",
            Self::TokenCls => "TOKEN_CLS",
            Self::QuestionAns => "QUESTION_ANS",
            Self::FeatureExtraction => "FEATURE_EXTRACTION",
        }
    }

    /// The modules that PEFT adds to `modules_to_save` for this task (`peft_model.py`).
    pub fn head_modules(self) -> &'static [&'static str] {
        match self {
            Self::SeqCls | Self::TokenCls => &["classifier", "score"],
            Self::QuestionAns => &["qa_outputs"],
            _ => &[],
        }
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskType {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let found = Self::ALL.into_iter().find(|task| task.as_str() == name);
        found.ok_or_else(|| ConfigError::UnknownTaskType { found: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for task in TaskType::ALL {
            assert_eq!(task.as_str().parse::<TaskType>().unwrap(), task);
            assert_eq!(serde_json::to_value(task).unwrap(), task.as_str());
        }
        assert!("causal_lm".parse::<TaskType>().is_err());
    }
}
