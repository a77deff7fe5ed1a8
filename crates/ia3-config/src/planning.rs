//! Makes a plan from a configuration and the facts about a model.
//!
//! The rules are those of PEFT's `BaseTuner.inject_adapter` (`tuners/tuners_utils.py`) and `IA3Model`
//! (`tuners/ia3/model.py`).

use std::collections::BTreeMap;

use crate::matcher::{ends, suffixes};
use crate::note::Note;
use crate::plan::{Plan, PlanOptions, Site};
use crate::rules::Rules;
use crate::sorted::Sorted;
use crate::unmatched::{Field, Unmatched};
use crate::{
    ConfigError, Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Placement, Selector, check, peft_lists,
    resolve,
};

impl Ia3Config {
    /// Finds the layers that get a vector, and the configuration to save with them.
    ///
    /// Every configuration that PEFT accepts is planned with PEFT's placements. This includes configurations that
    /// [`validate`](Self::validate) refuses, because PEFT trains and writes such adapters.
    ///
    /// # Errors
    /// - [`ConfigError::NoDefault`]: a field is not set and the architecture has no default.
    /// - [`ConfigError::InvalidPattern`], [`ConfigError::UnsupportedPattern`], [`ConfigError::PatternTooSlow`]: a
    ///   regular expression does not compile, holds a construct that is not supported, or takes too many steps.
    /// - [`ConfigError::UnsupportedLayer`]: a target is an embedding, a container or another module that cannot be scaled.
    /// - [`ConfigError::UnknownChannels`]: the input of a convolution is a target, but its number of groups is not known.
    /// - [`ConfigError::NoTargets`], [`ConfigError::NothingMatched`], [`ConfigError::AllExcluded`],
    ///   [`ConfigError::OnlyExcludedMatched`]: no layer is left to adapt.
    /// - [`ConfigError::Unmatched`]: a target, an excluded module or a saved module does not exist; see
    ///   [`PlanOptions::allow_unmatched`].
    ///
    /// ```
    /// # use ia3_config::{Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Placement};
    /// let linear = |d_in, d_out| ModuleKind::Linear { d_in, d_out, bias: false };
    /// let model = ModelInfo::new("t5", vec![
    ///     ModuleInfo::new("encoder.block.0.layer.0.SelfAttention.q", linear(8, 6)),
    ///     ModuleInfo::new("encoder.block.0.layer.0.SelfAttention.k", linear(8, 6)),
    ///     ModuleInfo::new("encoder.block.0.layer.0.SelfAttention.v", linear(8, 6)),
    ///     ModuleInfo::new("encoder.block.0.layer.1.DenseReluDense.wo", linear(32, 8)),
    /// ]);
    /// let plan = Ia3Config::new().plan(&model)?;
    /// assert_eq!(plan.trainable_parameters(), 6 + 6 + 32);
    /// assert_eq!(plan.sites[2].placement, Placement::Input);
    /// assert_eq!(plan.sites[2].file_shape(), [1, 32]);
    /// # Ok::<(), ia3_config::ConfigError>(())
    /// ```
    pub fn plan(&self, model: &ModelInfo) -> Result<Plan, ConfigError> {
        self.plan_with(model, PlanOptions::new())
    }

    /// Finds the layers that get a vector, as [`plan`](Self::plan) does, with options.
    ///
    /// # Errors
    ///
    /// The errors are those of [`plan`](Self::plan), without [`ConfigError::Unmatched`] if the options allow names that
    /// select nothing.
    pub fn plan_with(&self, model: &ModelInfo, options: PlanOptions) -> Result<Plan, ConfigError> {
        let mut notes = Vec::new();
        let mut config = resolve::resolve(self, model, &mut notes)?;
        let rules = Rules::new(&config)?;
        let sorted = Sorted::new(&rules, model)?;
        if let Some(module) = sorted.unsupported {
            return Err(check::unsupported(module, model));
        }
        if sorted.targets.is_empty() {
            return Err(check::nothing_left(self, &config, &rules, &sorted)?);
        }
        let sites = sites(&rules, &sorted.targets)?;
        let unmatched = check::unmatched(self, &config, model, &sites)?;
        refuse_unmatched(&unmatched, options)?;
        fit_fan_in_fan_out(&mut config, &sites, &mut notes);
        notes.extend(output_embeddings(&sorted));
        notes.extend(loose_feedforward(&config, &sites));
        // A default that is left out deserves no note, so the note is kept only if the user gave the feed-forward names.
        let rewritten = peft_lists::make_loadable(&mut config, &sites);
        notes.extend(rewritten.filter(|_| self.feedforward_modules.is_some()));
        Ok(Plan {
            modules_to_save: modules_to_save(&config, model),
            sites,
            excluded: paths(&sorted.excluded),
            ignored: paths(&sorted.adaptable_others()),
            unmatched,
            config,
            notes,
        })
    }
}

fn paths(modules: &[&ModuleInfo]) -> Vec<String> {
    modules.iter().map(|module| module.path.clone()).collect()
}

fn sites(rules: &Rules, targets: &[&ModuleInfo]) -> Result<Vec<Site>, ConfigError> {
    let mut sites = Vec::with_capacity(targets.len());
    for module in targets {
        let placement = rules.placement(&module.path)?;
        let Some(len) = module.kind.vector_len(placement) else {
            let (path, kind) = (module.path.clone(), module.kind.to_string());
            return Err(ConfigError::UnknownChannels { path, kind });
        };
        sites.push(Site { path: module.path.clone(), kind: module.kind.clone(), placement, len });
    }
    Ok(sites)
}

/// Refuses names that select nothing, because they are probably misspelt. A feed-forward name that selects no target is
/// accepted, because PEFT itself writes such names.
fn refuse_unmatched(unmatched: &[Unmatched], options: PlanOptions) -> Result<(), ConfigError> {
    let serious = |unmatched: &&Unmatched| unmatched.field != Field::FeedforwardModules;
    let unmatched: Vec<Unmatched> = unmatched.iter().filter(serious).cloned().collect();
    match unmatched.is_empty() || options.allow_unmatched {
        true => Ok(()),
        false => Err(ConfigError::Unmatched { unmatched }),
    }
}

/// Corrects `fan_in_fan_out` at each layer as PEFT does, so the last layer decides its value.
fn fit_fan_in_fan_out(config: &mut Ia3Config, sites: &[Site], notes: &mut Vec<Note>) {
    for site in sites {
        let value = match site.kind {
            ModuleKind::Linear { .. } => false,
            ModuleKind::Conv1D { .. } => true,
            _ => continue,
        };
        if config.fan_in_fan_out != value {
            config.fan_in_fan_out = value;
            let path = site.path.clone();
            notes.push(Note::FanInFanOut { path, value });
        }
    }
}

fn output_embeddings(sorted: &Sorted<'_>) -> Vec<Note> {
    let outputs = sorted.targets.iter().filter(|module| module.output_embedding);
    let paths = outputs.map(|module| module.path.clone());
    paths.map(|path| Note::OutputEmbedding { path }).collect()
}

/// One note for each feed-forward name that matches only the end of a path segment.
fn loose_feedforward(config: &Ia3Config, sites: &[Site]) -> Vec<Note> {
    let Some(Selector::Names(names)) = &config.feedforward_modules else {
        return Vec::new();
    };
    let by_dot = |site: &&Site| suffixes(&site.path).any(|suffix| names.contains(suffix));
    let loose: Vec<&Site> =
        sites.iter().filter(|site| site.placement == Placement::Input && !by_dot(site)).collect();
    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for site in loose {
        for name in ends(&site.path).filter(|end| names.contains(*end)) {
            paths.entry(name).or_default().push(site.path.clone());
        }
    }
    let note = |(name, paths): (&str, _)| Note::LooseFeedforward { name: name.to_owned(), paths };
    paths.into_iter().map(note).collect()
}

/// The paths of the modules that `modules_to_save` names.
fn modules_to_save(config: &Ia3Config, model: &ModelInfo) -> Vec<String> {
    let names = config.saved_modules();
    let saved =
        model.modules_and_tied().filter(|module| !module.path.is_empty() && names.selects(&module.path));
    saved.map(|module| module.path.clone()).collect()
}
