//! What a user should know of an adapter on a base.

use std::fmt;
use std::path::Path;

use ia3_config::TaskType;
use ia3_core::{NonFinite, describe_non_finite};
use ia3_guard::quote;
use ia3_models::Task;

use crate::base_names::{BaseNames, last_part};

/// Something that a user should know of an adapter on a base, and that is no error. Its `Display` is a sentence about
/// "the adapter".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterNote {
    /// Vectors or parameters saved whole hold values that are NaN or infinite.
    NotFinite(Vec<NonFinite>),
    /// The adapter names another base.
    OtherBase {
        /// The base that the adapter names.
        named: String,
        /// The folder of the base at hand.
        base: String,
    },
    /// The adapter was made for another task.
    OtherTask {
        /// The task of the adapter.
        named: TaskType,
        /// The task of the base.
        base: TaskType,
    },
}

impl fmt::Display for AdapterNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite(found) => write!(f, "the adapter is broken: {}", describe_non_finite(found)),
            Self::OtherBase { named, base } => {
                write!(
                    f,
                    "the adapter was made for the base `{}`, and this base is `{}`",
                    quote(named),
                    quote(base)
                )
            }
            Self::OtherTask { named, base } => {
                let (named, base) = (named.as_str(), base.as_str());
                write!(f, "the adapter was made for the task {named}, and the task of this base is {base}")
            }
        }
    }
}

/// Compares an adapter with the base in the folder `base`, whose task is `task`.
///
/// Two names of a base are the same if their last parts agree: `google/flan-t5-small`, `./flan-t5-small` and the folder
/// of that model in the cache of the hub. The `_name_or_path` in the base's `config.json` counts as its name too. A quantised
/// copy of a base may have any name.
///
/// # Panics
///
/// Panics if a device fails to return the values of the adapter.
pub fn adapter_notes(adapter: &ia3_core::Adapter, base: impl AsRef<Path>, task: Task) -> Vec<AdapterNote> {
    let found = adapter.non_finite();
    let not_finite = (!found.is_empty()).then_some(AdapterNote::NotFinite(found));
    let named = adapter.config.base_model_name_or_path.as_deref();
    let other_base = named.and_then(|named| other_base(named, base.as_ref()));
    let tasks = adapter.config.task_type.zip(task_type(task));
    let other_task = tasks.filter(|(named, base)| named != base);
    let other_task = other_task.map(|(named, base)| AdapterNote::OtherTask { named, base });
    [not_finite, other_base, other_task].into_iter().flatten().collect()
}

fn other_base(named: &str, base: &Path) -> Option<AdapterNote> {
    let part = last_part(named)?;
    let (named, base_name) = (named.to_string(), base.display().to_string());
    (!BaseNames::of(base).contains(&part)).then_some(AdapterNote::OtherBase { named, base: base_name })
}

/// PEFT's name of the task of a model. PEFT has none for masked language models, for models that choose and for models of speech,
/// to which its class for `SEQ_2_SEQ_LM` would pass `input_ids`.
pub fn task_type(task: Task) -> Option<TaskType> {
    Some(match task {
        Task::Seq2SeqLm => TaskType::Seq2SeqLm,
        Task::CausalLm => TaskType::CausalLm,
        Task::SequenceClassification => TaskType::SeqCls,
        Task::TokenClassification => TaskType::TokenCls,
        Task::QuestionAnswering => TaskType::QuestionAns,
        Task::FeatureExtraction => TaskType::FeatureExtraction,
        Task::MaskedLm | Task::MultipleChoice | Task::SpeechSeq2Seq => return None,
    })
}
