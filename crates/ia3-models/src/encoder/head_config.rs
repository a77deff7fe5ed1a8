use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::config_field::{expect, expect_sizes, read};
use crate::error::ModelError;
use crate::task::Task;

/// The fields of `config.json` that describe the head of a model, as all classes of transformers have them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct HeadConfig {
    /// What the head computes. `architectures` decides it, as [`Task::of_architecture`] says; without it, or with the head of
    /// a pre-training, it is the classification of sequences. A masked language model has to be asked for
    /// ([`ModelConfig::with_task`](crate::ModelConfig::with_task)), because most bases that are named so are to be classifiers.
    #[serde(skip)]
    pub task: Task,
    /// The kind of a classification of sequences; `None` is a regression for one label, else one class per sequence.
    #[serde(skip)]
    pub problem_type: Option<ProblemType>,
    /// The names of the classes by their numbers. The number of names is the number of labels.
    #[serde(deserialize_with = "names")]
    pub id2label: Option<BTreeMap<String, String>>,
    /// The number of labels if there is no `id2label`. If both are absent, it is 2.
    pub num_labels: Option<usize>,
}

/// The kind of a classification of sequences, which decides about its loss (`problem_type` of transformers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemType {
    /// One class per sequence; the loss is the cross entropy.
    SingleLabelClassification,
    /// Any number of classes per sequence; the loss is the binary cross entropy of each class.
    MultiLabelClassification,
    /// A number per label; the loss is the squared error.
    Regression,
}

impl ProblemType {
    /// All kinds.
    pub const ALL: [Self; 3] =
        [Self::SingleLabelClassification, Self::MultiLabelClassification, Self::Regression];

    /// The name in `config.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleLabelClassification => "single_label_classification",
            Self::MultiLabelClassification => "multi_label_classification",
            Self::Regression => "regression",
        }
    }

    fn read(name: &str) -> Result<Self, ModelError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        let expected = "regression, single_label_classification or multi_label_classification";
        known.ok_or_else(|| ModelError::Field { field: "problem_type", found: format!("`{name}`"), expected })
    }
}

impl Default for HeadConfig {
    fn default() -> Self {
        Self { task: Task::SequenceClassification, problem_type: None, id2label: None, num_labels: None }
    }
}

impl HeadConfig {
    /// Reads the fields of `config.json`. `model_type` is for the message of an error.
    pub(crate) fn read(text: &str, model_type: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Fields {
            architectures: Option<Vec<String>>,
            problem_type: Option<String>,
        }
        let fields: Fields = read(text, model_type, &[])?;
        let architecture = fields.architectures.unwrap_or_default().into_iter().next();
        let task = architecture.and_then(|name| Task::of_architecture(&name));
        let task = task.filter(|task| *task != Task::MaskedLm);
        let problem_type = fields.problem_type.map(|name| ProblemType::read(&name)).transpose()?;
        let head: Self = read(text, model_type, &[])?;
        let head = Self { task: task.unwrap_or(Task::SequenceClassification), problem_type, ..head };
        head.check()?;
        Ok(head)
    }

    /// The head of a decoder, if `architectures` names a classifier of sequences. Every other decoder is a language model.
    pub(crate) fn of_decoder(text: &str) -> Result<Option<Self>, ModelError> {
        #[derive(Deserialize)]
        struct Fields {
            architectures: Option<Vec<String>>,
        }
        let fields: Fields = read(text, "a decoder", &[])?;
        let class = fields.architectures.iter().flatten().next();
        match class.and_then(|name| Task::of_architecture(name)) {
            Some(Task::SequenceClassification) => Ok(Some(Self::read(text, "a decoder")?)),
            _ => Ok(None),
        }
    }

    /// The head of a model of images: a classifier, or none.
    pub(crate) fn of_images(text: &str, model_type: &str) -> Result<Self, ModelError> {
        let mut head = Self::read(text, model_type)?;
        if !head.set_task_of_images(head.task) {
            head.task = Task::SequenceClassification;
        }
        Ok(head)
    }

    /// The head for another task of a model of images. It returns whether there is one.
    pub(crate) fn set_task_of_images(&mut self, task: Task) -> bool {
        let has = matches!(task, Task::SequenceClassification | Task::FeatureExtraction);
        if has {
            self.task = task;
        }
        has
    }

    fn check(&self) -> Result<(), ModelError> {
        let labels = self.count();
        expect_sizes([("num_labels", labels)])?;
        let span = self.task != Task::QuestionAnswering || labels == 2;
        expect(span, "num_labels", labels, "2 for question answering: the start and the end of a span")
    }

    /// The head for another task. The number of labels of a question answerer is 2.
    pub(crate) fn set_task(&mut self, task: Task) {
        self.task = task;
        if task == Task::QuestionAnswering {
            self.set_count(2);
        }
    }

    /// The kind of a classification of sequences.
    pub fn problem(&self) -> ProblemType {
        let by_labels = || match self.count() {
            1 => ProblemType::Regression,
            _ => ProblemType::SingleLabelClassification,
        };
        self.problem_type.unwrap_or_else(by_labels)
    }

    /// The number of classes.
    pub fn count(&self) -> usize {
        self.stated().unwrap_or(2)
    }

    /// The number of classes if `config.json` says it.
    pub fn stated(&self) -> Option<usize> {
        self.id2label.as_ref().map(BTreeMap::len).or(self.num_labels)
    }

    /// Sets the number of classes. Names are dropped if their number differs.
    pub(crate) fn set_count(&mut self, labels: usize) {
        self.num_labels = Some(labels);
        self.id2label = self.id2label.take().filter(|names| names.len() == labels);
    }

    /// The names of the classes, in the order of their numbers. The list is empty if there are no names.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.id2label.iter().flatten();
        let mut names: Vec<(usize, &String)> =
            names.filter_map(|(number, name)| Some((number.parse().ok()?, name))).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }
}

/// Reads the names of classes. Files may hold numbers or booleans instead of texts, which transformers accepts.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let names = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?;
    let text = |value| match value {
        Value::String(name) => name,
        other => other.to_string(),
    };
    Ok(names.map(|names| names.into_iter().map(|(number, name)| (number, text(name))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted() {
        let count = |json: &str| HeadConfig::read(json, "bert").unwrap().count();
        assert_eq!(count("{}"), 2);
        assert_eq!(count(r#"{"num_labels": 5}"#), 5);
        assert_eq!(count(r#"{"id2label": {"0": "a", "1": "b", "2": "c"}}"#), 3);
        assert!(HeadConfig::read(r#"{"num_labels": 0}"#, "bert").is_err());
    }

    #[test]
    fn the_architecture_chooses_the_task() {
        let task = |name: &str| {
            let json = format!(r#"{{"architectures": ["{name}"]}}"#);
            HeadConfig::read(&json, "bert").unwrap().task
        };
        assert_eq!(task("BertForTokenClassification"), Task::TokenClassification);
        assert_eq!(task("RobertaForQuestionAnswering"), Task::QuestionAnswering);
        assert_eq!(task("ElectraModel"), Task::FeatureExtraction);
        assert_eq!(task("BertForSequenceClassification"), Task::SequenceClassification);
        assert_eq!(task("BertForMaskedLM"), Task::SequenceClassification);
        assert_eq!(task("BertForMultipleChoice"), Task::MultipleChoice);
        assert_eq!(HeadConfig::read("{}", "bert").unwrap().task, Task::SequenceClassification);
    }

    #[test]
    fn problems_follow_the_number_of_labels_unless_they_are_named() {
        let problem = |json: &str| HeadConfig::read(json, "bert").map(|head| head.problem());
        assert_eq!(problem(r#"{"num_labels": 1}"#).unwrap(), ProblemType::Regression);
        assert_eq!(problem("{}").unwrap(), ProblemType::SingleLabelClassification);
        let named = r#"{"problem_type": "multi_label_classification"}"#;
        assert_eq!(problem(named).unwrap(), ProblemType::MultiLabelClassification);
        let other = problem(r#"{"problem_type": "ranking"}"#).unwrap_err().to_string();
        let expected = "`problem_type` is `ranking` in config.json, expected regression, single_label_classification or \
                        multi_label_classification";
        assert_eq!(other, expected);
        let spans =
            HeadConfig::read(r#"{"architectures": ["BertForQuestionAnswering"], "num_labels": 3}"#, "bert");
        assert!(spans.is_err());
    }
}
