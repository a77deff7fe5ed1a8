//! The configuration of a base, and its number of classes.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ia3::io::{AdapterFile, Checkpoint};
use ia3::models::{HeadConfig, ProblemType};
use ia3::{ModelConfig, Task};

use crate::args::{HeadArgs, HeadName, ProblemName};
use crate::text_file;

/// The configuration in a folder or a GGUF file, or in a `config.json` alone.
pub(crate) fn read(path: &Path) -> anyhow::Result<ModelConfig> {
    if path.is_dir() || ia3_gguf::is_gguf(path) {
        return Ok(ia3::read_config(path)?);
    }
    let text = text_file::read_of_model(path)?;
    ModelConfig::from_json(&text)
        .with_context(|| format!("{} is not the config.json of a model", path.display()))
}

/// The configuration of a base with the head that the options and the adapters choose: `--head`, else the task of the first
/// adapter that has one, else `architectures`.
///
/// Where the base is a classifier without a head, the number of classes is that of the head in the first adapter that saves one.
pub(crate) fn with_head(base: &Path, args: &HeadArgs, adapters: &[PathBuf]) -> anyhow::Result<ModelConfig> {
    let config = ia3::read_config(base)?;
    let adapters = opened(adapters)?;
    complete(with_options(of_adapters(config, &adapters)?, args)?, base, &adapters)
}

/// As [`with_head`], without options.
pub(crate) fn with_head_of_adapter(base: &Path, adapters: &[PathBuf]) -> anyhow::Result<ModelConfig> {
    let config = ia3::read_config(base)?;
    let adapters = opened(adapters)?;
    complete(of_adapters(config, &adapters)?, base, &adapters)
}

fn opened(adapters: &[PathBuf]) -> anyhow::Result<Vec<AdapterFile>> {
    adapters.iter().map(|adapter| Ok(AdapterFile::open(adapter)?)).collect()
}

/// The configuration with the head that the options choose.
pub(crate) fn with_options(config: ModelConfig, args: &HeadArgs) -> anyhow::Result<ModelConfig> {
    let config = match args.head {
        Some(name) => config.with_task(task(name))?,
        None => config,
    };
    let Some(name) = args.problem_type else { return Ok(config) };
    let classifies = config.head().is_some_and(|head| head.task == Task::SequenceClassification);
    ensure!(classifies, "--problem-type is for classifiers of sequences, and the base is none; leave it out");
    Ok(config.with_problem_type(problem(name)))
}

fn task(name: HeadName) -> Task {
    match name {
        HeadName::SequenceClassification => Task::SequenceClassification,
        HeadName::TokenClassification => Task::TokenClassification,
        HeadName::QuestionAnswering => Task::QuestionAnswering,
        HeadName::MaskedLm => Task::MaskedLm,
        HeadName::MultipleChoice => Task::MultipleChoice,
        HeadName::FeatureExtraction => Task::FeatureExtraction,
    }
}

fn problem(name: ProblemName) -> ProblemType {
    match name {
        ProblemName::SingleLabel => ProblemType::SingleLabelClassification,
        ProblemName::MultiLabel => ProblemType::MultiLabelClassification,
        ProblemName::Regression => ProblemType::Regression,
    }
}

/// The configuration of the hidden states alone. A decoder stays what it is, because it shows its hidden states with any head.
pub(crate) fn without_head(config: ModelConfig) -> ModelConfig {
    config.clone().with_task(Task::FeatureExtraction).unwrap_or(config)
}

/// The configuration with the head for the task of the first adapter that has one. A language model becomes a classifier only for
/// an adapter that saves its head.
fn of_adapters(config: ModelConfig, adapters: &[AdapterFile]) -> anyhow::Result<ModelConfig> {
    for file in adapters {
        let Some(named) = file.config.task_type else {
            match with_saved_head(&config, file) {
                Some(config) => return Ok(config),
                None => continue,
            }
        };
        let task = Task::OF_ENCODERS.into_iter().find(|task| ia3::task_type(*task) == Some(named));
        let own = config.head().map(|head| head.task);
        let Some(task) = task.filter(|task| own != Some(*task)) else { return Ok(config) };
        if own.is_some() {
            return Ok(config.with_task(task)?);
        }
        let Ok(classifier) = config.clone().with_task(task) else { return Ok(config) };
        let saves = head(&classifier).is_some_and(|head| file.saved.contains_key(&head));
        return Ok(if saves { classifier } else { config });
    }
    Ok(config)
}

/// The configuration of a model of images with the classifier that an adapter saves. PEFT has no task for images.
fn with_saved_head(config: &ModelConfig, file: &AdapterFile) -> Option<ModelConfig> {
    config.image()?;
    let classifier = config.clone().with_task(Task::SequenceClassification).ok()?;
    let saves = head(&classifier).is_some_and(|head| file.saved.contains_key(&head));
    saves.then_some(classifier)
}

/// The weight that gives a classifier its classes; `None` for a language model.
pub(crate) fn head(config: &ModelConfig) -> Option<String> {
    Some(format!("{}.weight", config.classifier()?))
}

/// The number of classes of the head in the base's checkpoint; `None` if it has no head.
pub(crate) fn classes_of_head(config: &ModelConfig, base: &Path) -> anyhow::Result<Option<usize>> {
    let Some(head) = head(config) else { return Ok(None) };
    let checkpoint = Checkpoint::open(base)?;
    let head = checkpoint.tensors().find(|tensor| tensor.name == head);
    Ok(head.and_then(|head| head.shape.first().copied()))
}

/// The configuration with the number of classes of the head that an adapter saves. The checkpoint is opened only where that
/// differs.
fn complete(config: ModelConfig, base: &Path, adapters: &[AdapterFile]) -> anyhow::Result<ModelConfig> {
    let Some(head) = head(&config) else { return Ok(config) };
    let saved =
        |adapter: &AdapterFile| adapter.saved.get(&head).and_then(|head| head.shape().first().copied());
    let labels = adapters.iter().find_map(saved);
    let said = config.head().map(HeadConfig::count);
    match labels.filter(|labels| Some(*labels) != said) {
        Some(labels) if classes_of_head(&config, base)?.is_none() => Ok(config.with_num_labels(labels)),
        _ => Ok(config),
    }
}
