//! Errors for names that select nothing, and for models in which no layer is left to adapt.

use std::collections::BTreeSet;

use crate::matcher::Rule;
use crate::nearest::{Search, found};
use crate::plan::Site;
use crate::rules::Rules;
use crate::sorted::Sorted;
use crate::unmatched::{Field, Unmatched};
use crate::{ConfigError, Ia3Config, ModelInfo, ModuleInfo, Selector, TaskType};

/// The error that explains why a plan has no site. PEFT raises the same errors at the end of `inject_adapter`.
pub(crate) fn nothing_left(
    given: &Ia3Config,
    config: &Ia3Config,
    rules: &Rules,
    sorted: &Sorted<'_>,
) -> Result<ConfigError, ConfigError> {
    let mut excluded = Vec::new();
    for module in &sorted.excluded {
        if rules.is_target(&module.path)? {
            excluded.push(module.path.clone());
        }
    }
    Ok(if given.target_modules.as_ref().is_some_and(Selector::is_empty) {
        ConfigError::NoTargets
    } else if sorted.others.is_empty() && !sorted.excluded.is_empty() {
        let modules = sorted.excluded.len();
        ConfigError::AllExcluded { modules }
    } else if !excluded.is_empty() {
        ConfigError::OnlyExcludedMatched { excluded }
    } else {
        let named = given.target_modules.as_ref().or(config.target_modules.as_ref());
        let layers = sorted.adaptable_others();
        let search = Search::new(Field::TargetModules, layers.iter().map(|module| module.path.as_str()));
        let unmatched = named.map(|selector| search.report_all(selector)).unwrap_or_default();
        ConfigError::NothingMatched { unmatched }
    })
}

/// The error for a target that cannot have a vector. It names the layers inside the target that can.
pub(crate) fn unsupported(module: &ModuleInfo, model: &ModelInfo) -> ConfigError {
    let inside = format!("{}.", module.path);
    let adaptable =
        model.modules.iter().filter(|other| other.path.starts_with(&inside) && other.kind.is_adaptable());
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    for layer in adaptable {
        let name = layer.path.rsplit('.').next().unwrap_or(&layer.path);
        if seen.insert(name) {
            names.push(name.to_owned());
        }
    }
    ConfigError::UnsupportedLayer { path: module.path.clone(), kind: module.kind.to_string(), inside: names }
}

/// The names and patterns that select nothing. A module counts as selected even if it is excluded.
pub(crate) fn unmatched(
    given: &Ia3Config,
    config: &Ia3Config,
    model: &ModelInfo,
    sites: &[Site],
) -> Result<Vec<Unmatched>, ConfigError> {
    let paths = || model.modules.iter().map(|module| module.path.as_str()).filter(|path| !path.is_empty());
    let layers =
        model.modules.iter().filter(|module| module.kind.is_adaptable()).map(|module| module.path.as_str());
    let targets = Search::new(Field::TargetModules, layers);
    let excludes = Search::new(Field::ExcludeModules, paths());
    let inputs = Search::new(Field::FeedforwardModules, sites.iter().map(|site| site.path.as_str()));

    let everywhere: Vec<&str> = paths().collect();
    let mut unmatched = targets.missing(config.target_modules.as_ref(), &everywhere, Rule::AfterDot)?;
    unmatched.extend(excludes.missing(config.exclude_modules.as_ref(), &everywhere, Rule::AfterDot)?);
    // Only a list that the user gave is checked: the default list may name layers that a short list of targets leaves out.
    let feedforward = given.feedforward_modules.as_ref();
    unmatched.extend(inputs.missing(feedforward, &inputs.paths, Rule::AnyEnd)?);
    let with_tied: Vec<&str> = model.modules_and_tied().map(|module| module.path.as_str()).collect();
    unmatched.extend(missing_saved(config, &with_tied));
    Ok(unmatched)
}

/// The names in `modules_to_save` that no module has. The heads that a task adds are not reported, because a model has only
/// one of them.
fn missing_saved(config: &Ia3Config, paths: &[&str]) -> Vec<Unmatched> {
    let heads = config.task_type.map(TaskType::head_modules).unwrap_or_default();
    let search = Search::new(Field::ModulesToSave, paths.iter().copied());
    let names = || config.modules_to_save.iter().flatten();
    let known: BTreeSet<&str> = names().map(String::as_str).collect();
    let found = found(paths, Rule::AnyEnd, |name| known.contains(name));
    let missing = names().filter(|name| !heads.contains(&name.as_str()) && !found.contains(name.as_str()));
    missing.map(|name| search.report(name, false)).collect()
}
