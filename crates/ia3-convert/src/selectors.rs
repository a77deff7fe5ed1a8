//! The lists of names in a configuration that select given vectors with given placements.

use std::collections::{BTreeMap, BTreeSet};

use ia3_config::{Ia3Config, ModelInfo, Placement, PlanOptions, Selector};
use ia3_io::FileVector;
use ia3_io::adapter::infer_model;

use crate::error::ConvertError;
use crate::t5;

const ALLOW: PlanOptions = PlanOptions::new().with_allow_unmatched(true);

/// The configuration for vectors that are all on outputs.
pub(crate) fn of_outputs(vectors: &BTreeMap<String, FileVector>) -> Result<Ia3Config, ConvertError> {
    let placements = vectors.keys().map(|module| (module.clone(), Placement::Output)).collect();
    select(Ia3Config::new(), vectors, &placements, None)
}

/// `config` with lists of names that select exactly these vectors on these sides.
///
/// The last names of the paths (`k`, `v`, `wo`) are used if they select nothing else in the base, or in the T5 that the
/// paths belong to; otherwise whole paths are used.
pub(crate) fn select(
    config: Ia3Config,
    vectors: &BTreeMap<String, FileVector>,
    placements: &BTreeMap<String, Placement>,
    base: Option<&ModelInfo>,
) -> Result<Ia3Config, ConvertError> {
    let own = infer_model(vectors, false);
    let t5 = base.cloned().or_else(|| t5::skeleton(vectors.keys().map(String::as_str)));
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let short = with_lists(&config, placements, last);
    if t5.is_some_and(|info| wrong(&short, placements, &info).is_none()) {
        return Ok(short);
    }
    let whole = with_lists(&config, placements, str::to_string);
    match wrong(&whole, placements, base.unwrap_or(&own)) {
        None => Ok(whole),
        Some((module, placement)) => Err(ConvertError::NoSelector { module, placement }),
    }
}

fn with_lists(
    config: &Ia3Config,
    placements: &BTreeMap<String, Placement>,
    name: impl Fn(&str) -> String,
) -> Ia3Config {
    let inputs = placements.iter().filter(|(_, placement)| **placement == Placement::Input);
    let feedforward: BTreeSet<String> = inputs.map(|(path, _)| name(path)).collect();
    let targets: BTreeSet<String> = placements.keys().map(|path| name(path)).collect();
    Ia3Config {
        target_modules: Some(Selector::Names(targets)),
        feedforward_modules: Some(Selector::Names(feedforward)),
        exclude_modules: None,
        ..config.clone()
    }
}

/// A module for which the configuration and `placements` disagree.
fn wrong(
    config: &Ia3Config,
    placements: &BTreeMap<String, Placement>,
    info: &ModelInfo,
) -> Option<(String, Placement)> {
    let sites = config.plan_with(info, ALLOW).map(|plan| plan.sites).unwrap_or_default();
    let found: BTreeMap<&String, Placement> = sites.iter().map(|site| (&site.path, site.placement)).collect();
    let unlike = placements.iter().find(|(path, placement)| found.get(path) != Some(placement));
    let surplus = || found.iter().find(|(path, _)| !placements.contains_key(**path));
    let wrong = unlike.map(|(path, placement)| (path.clone(), *placement));
    wrong.or_else(|| surplus().map(|(path, placement)| (path.to_string(), *placement)))
}
