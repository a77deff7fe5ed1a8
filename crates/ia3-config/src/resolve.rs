//! Fills in the fields that a configuration leaves open, from the facts about the model.

use crate::defaults::{DefaultTargets, default_targets};
use crate::note::Note;
use crate::unmatched::Field;
use crate::{ConfigError, Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Selector, TaskType};

/// The configuration with its default targets, the heads of its task and the layers of `all-linear` written out.
pub(crate) fn resolve(
    config: &Ia3Config,
    model: &ModelInfo,
    notes: &mut Vec<Note>,
) -> Result<Ia3Config, ConfigError> {
    let mut resolved = config.clone();
    add_heads(&mut resolved);
    fill(&mut resolved.target_modules, Field::TargetModules, model)?;
    fill(&mut resolved.feedforward_modules, Field::FeedforwardModules, model)?;
    if resolved.target_modules.as_ref().is_some_and(Selector::is_all_linear) {
        resolved.target_modules = Some(all_linear(model, config.task_type));
    }
    plain(&mut resolved.feedforward_modules, Field::FeedforwardModules, notes);
    plain(&mut resolved.exclude_modules, Field::ExcludeModules, notes);
    Ok(resolved)
}

/// Adds the heads of the task to `modules_to_save`, because a classification task trains its head too (`peft_model.py`).
/// PEFT appends these names each time it loads an adapter, so names that are already listed are not added twice.
fn add_heads(config: &mut Ia3Config) {
    let heads = config.task_type.map(TaskType::head_modules).unwrap_or_default();
    if heads.is_empty() {
        return;
    }
    let saved = config.modules_to_save.get_or_insert_default();
    for head in heads {
        if !saved.iter().any(|name| name == head) {
            saved.push((*head).to_owned());
        }
    }
}

fn fill(selector: &mut Option<Selector>, field: Field, model: &ModelInfo) -> Result<(), ConfigError> {
    if selector.is_some() {
        return Ok(());
    }
    let defaults = model.model_type.as_deref().and_then(default_targets);
    let DefaultTargets { target_modules, feedforward_modules } =
        defaults.ok_or_else(|| ConfigError::NoDefault { field, model_type: model.model_type.clone() })?;
    *selector = Some(Selector::from(match field {
        Field::FeedforwardModules => feedforward_modules,
        _ => target_modules,
    }));
    Ok(())
}

/// The layers of `all-linear`: every linear layer except the output embedding. In a model without an output embedding, the
/// head of a sequence classifier is left out instead (PEFT's `tuners/tuners_utils.py`,
/// `_maybe_include_all_linear_layers`).
fn all_linear(model: &ModelInfo, task_type: Option<TaskType>) -> Selector {
    let has_output = model.modules.iter().any(|module| module.output_embedding);
    let head = match task_type {
        Some(TaskType::SeqCls) if !has_output => head(model),
        _ => None,
    };
    let linear = model.modules.iter().filter(|module| is_linear(&module.kind));
    let kept = linear.filter(|module| !module.output_embedding && Some(module.path.as_str()) != head);
    kept.map(|module| module.path.as_str()).collect()
}

fn head(model: &ModelInfo) -> Option<&str> {
    let find = |name| {
        model.modules.iter().map(|module: &ModuleInfo| module.path.as_str()).find(|path| *path == name)
    };
    find("score").or_else(|| find("classifier"))
}

fn is_linear(kind: &ModuleKind) -> bool {
    matches!(kind, ModuleKind::Linear { .. } | ModuleKind::Conv1D { .. })
}

fn plain(selector: &mut Option<Selector>, field: Field, notes: &mut Vec<Note>) {
    if selector == &Some(Selector::AllLinear) {
        notes.push(Note::AllLinearIsPattern { field });
    }
    *selector = selector.take().map(Selector::into_plain);
}
