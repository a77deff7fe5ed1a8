//! Between vectors with their placements and the names of a configuration.

use std::collections::{BTreeMap, BTreeSet};

use ia3_config::{ConfigError, Ia3Config, ModelInfo, Placement, Plan, PlanOptions, Selector};

use crate::adapter_file::{AdapterFile, CONFIG, FileVector};
use crate::adapter_layers::layers_of;
use crate::adapter_load::{check_shape, mismatch, plan_error};
use crate::error::IoError;
use crate::formats::{self, AdapterFormat};

const ALLOW: PlanOptions = PlanOptions { allow_unmatched: true };

impl AdapterFile {
    /// What each vector multiplies, by module path.
    ///
    /// The configuration says it, and the shape has to agree. Without `base` the configuration is read as for a model
    /// that has the layers of the file and no other.
    ///
    /// # Errors
    ///
    /// [`IoError::NoVectors`]; [`IoError::Config`] or, with a base, [`IoError::Plan`] for a configuration that selects nothing;
    /// [`IoError::VectorShape`] for a vector on the other side or of another length; [`IoError::NotSelected`] or,
    /// with a base, [`IoError::AdapterMismatch`] where vectors and selected layers are not one to one.
    pub fn placements(&self, base: Option<&ModelInfo>) -> Result<BTreeMap<String, Placement>, IoError> {
        if self.vectors.is_empty() {
            let (path, format, suffix) = (self.path.clone(), AdapterFormat::Peft, ".ia3_l");
            return Err(IoError::NoVectors {
                path,
                format,
                suffix,
                found: self.saved.keys().cloned().collect(),
            });
        }
        let plan = match base {
            Some(base) => self.config.plan(base, ALLOW).map_err(|source| plan_error(&self.path, source))?,
            None => self.own_plan()?,
        };
        let mut placements = BTreeMap::new();
        let mut missing = vec![];
        for site in &plan.sites {
            match self.vectors.get(&site.path) {
                None => missing.push(site.path.clone()),
                Some(vector) => {
                    check_shape(vector, site, &self.path)?;
                    placements.insert(site.path.clone(), site.placement);
                }
            }
        }
        let unexpected: Vec<String> =
            self.vectors.keys().filter(|module| !placements.contains_key(*module)).cloned().collect();
        match base {
            _ if missing.is_empty() && unexpected.is_empty() => Ok(placements),
            Some(base) => Err(mismatch(self.path.clone(), &missing, &unexpected, base)),
            None => Err(IoError::NotSelected { path: self.path.clone(), modules: unexpected }),
        }
    }

    /// The plan on a model that has the vectors' layers and no other.
    fn own_plan(&self) -> Result<Plan, IoError> {
        let plan = self.config.plan(&layers_of(&self.vectors, false), ALLOW);
        plan.map_err(|source| match source {
            ConfigError::NothingMatched { .. } | ConfigError::AllExcluded { .. } => IoError::NotSelected {
                path: self.path.clone(),
                modules: self.vectors.keys().cloned().collect(),
            },
            source => IoError::Config { path: self.path.with_file_name(CONFIG), source },
        })
    }
}

/// The configuration of vectors that are all on outputs.
pub(crate) fn of_outputs(vectors: &BTreeMap<String, FileVector>) -> Result<Ia3Config, IoError> {
    let placements = vectors.keys().map(|module| (module.clone(), Placement::Output)).collect();
    select(Ia3Config::new(), vectors, &placements, None)
}

/// `config` with lists of names that select exactly these vectors on these sides.
///
/// The last names of the paths (`k`, `v`, `wo`) where they select nothing else in the base, or in the T5 that the
/// paths are of; otherwise whole paths.
pub(crate) fn select(
    config: Ia3Config,
    vectors: &BTreeMap<String, FileVector>,
    placements: &BTreeMap<String, Placement>,
    base: Option<&ModelInfo>,
) -> Result<Ia3Config, IoError> {
    let own = layers_of(vectors, false);
    let t5 = base.cloned().or_else(|| formats::skeleton(vectors.keys().map(String::as_str)));
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let short = with_lists(&config, placements, last);
    if t5.is_some_and(|info| wrong(&short, placements, &info).is_none()) {
        return Ok(short);
    }
    let whole = with_lists(&config, placements, str::to_string);
    match wrong(&whole, placements, base.unwrap_or(&own)) {
        None => Ok(whole),
        Some((module, placement)) => Err(IoError::NoSelector { module, placement }),
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

/// A module that a configuration selects otherwise than `placements`, or not at all.
fn wrong(
    config: &Ia3Config,
    placements: &BTreeMap<String, Placement>,
    info: &ModelInfo,
) -> Option<(String, Placement)> {
    let sites = config.plan(info, ALLOW).map(|plan| plan.sites).unwrap_or_default();
    let found: BTreeMap<&String, Placement> = sites.iter().map(|site| (&site.path, site.placement)).collect();
    let unlike = placements.iter().find(|(path, placement)| found.get(path) != Some(placement));
    let surplus = || found.iter().find(|(path, _)| !placements.contains_key(**path));
    let wrong = unlike.map(|(path, placement)| (path.clone(), *placement));
    wrong.or_else(|| surplus().map(|(path, placement)| (path.to_string(), *placement)))
}
