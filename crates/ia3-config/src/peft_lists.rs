//! Lists that PEFT can load back.
//!
//! PEFT's constructor wants the feed-forward names to be a subset of the target names, string by string, but checks
//! that before it fills in defaults and expands `all-linear`. So it trains and saves adapters that it then refuses to
//! load. The configuration to save must pass the check and place every vector where it was trained.

use std::collections::BTreeSet;

use crate::plan::{Note, Site};
use crate::selector::Matcher;
use crate::{ConfigError, Ia3Config, Placement, Selector};

type Names = BTreeSet<String>;

/// Rewrites the lists if PEFT would refuse them; `others` are the paths that must not become targets.
pub(crate) fn make_loadable(
    config: &mut Ia3Config,
    sites: &[Site],
    others: &[String],
) -> Result<Option<Note>, ConfigError> {
    let (Some(Selector::Names(targets)), Some(Selector::Names(feedforward))) =
        (&config.target_modules, &config.feedforward_modules)
    else {
        return Ok(None);
    };
    let extra: Vec<String> = feedforward.difference(targets).cloned().collect();
    if extra.is_empty() {
        return Ok(None);
    }
    let lists = Lists { targets, feedforward, sites };
    match lists
        .candidates()
        .into_iter()
        .find(|(targets, inputs)| places_alike(targets, inputs, sites, others))
    {
        Some((targets, inputs)) => {
            config.target_modules = Some(Selector::Names(targets));
            config.feedforward_modules = Some(Selector::Names(inputs));
        }
        // A string is exempt from the check and can name each path.
        None => config.feedforward_modules = Some(Selector::Pattern(lists.input_paths_pattern())),
    }
    Ok(Some(Note::ListsRewritten { extra }))
}

struct Lists<'c> {
    targets: &'c Names,
    feedforward: &'c Names,
    sites: &'c [Site],
}

impl Lists<'_> {
    /// Pairs of target and feed-forward names that pass PEFT's check, the plainest first.
    fn candidates(&self) -> [(Names, Names); 4] {
        let keep = |names: Names| (self.targets.clone(), names);
        let add = |names: Names| (self.targets | &names, names);
        [
            keep(self.feedforward & self.targets),
            keep(self.targets.iter().filter(|name| self.only_inputs(name)).cloned().collect()),
            add(self.feedforward.iter().filter(|name| self.only_inputs(name)).cloned().collect()),
            add(self.inputs().map(|site| site.path.clone()).collect()),
        ]
    }

    /// Whether the name, as PEFT compares feed-forward names, ends the paths of input-scaled sites and of no others.
    fn only_inputs(&self, name: &str) -> bool {
        let mut ended = self.sites.iter().filter(|site| site.path.ends_with(name)).peekable();
        ended.peek().is_some() && ended.all(|site| site.placement == Placement::Input)
    }

    fn inputs(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(|site| site.placement == Placement::Input)
    }

    fn input_paths_pattern(&self) -> String {
        let paths: Vec<String> = self.inputs().map(|site| regex::escape(&site.path)).collect();
        paths.join("|")
    }
}

fn places_alike(targets: &Names, inputs: &Names, sites: &[Site], others: &[String]) -> bool {
    let targets = Matcher::Names(targets.clone());
    let is_target = |path: &str| matches!(targets.selects(path), Ok(true));
    let is_input = |path: &str| inputs.iter().any(|name| path.ends_with(name.as_str()));
    let placed =
        |site: &Site| is_target(&site.path) && is_input(&site.path) == (site.placement == Placement::Input);
    sites.iter().all(placed) && !others.iter().any(|path| is_target(path))
}
