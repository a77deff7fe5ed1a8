//! Rewrites the lists of a configuration so that PEFT can load them.
//!
//! PEFT's constructor requires each feed-forward name to be literally one of the target names, but it checks this before it
//! fills in defaults and expands `all-linear`. So PEFT trains and saves adapters that it then refuses to load. The
//! configuration that this module makes passes the check and places every vector where it was trained.

use std::collections::BTreeSet;

use crate::matcher::{ends, suffixes};
use crate::note::Note;
use crate::plan::Site;
use crate::{Ia3Config, Placement, Selector};

type Names = BTreeSet<String>;

/// Rewrites the lists of a planned configuration if PEFT would refuse to load them.
pub(crate) fn make_loadable(config: &mut Ia3Config, sites: &[Site]) -> Option<Note> {
    let (Some(Selector::Names(targets)), Some(Selector::Names(feedforward))) =
        (&mut config.target_modules, &mut config.feedforward_modules)
    else {
        return None;
    };
    let extra: Vec<String> = feedforward.difference(targets).cloned().collect();
    if extra.is_empty() {
        return None;
    }
    *feedforward = loadable(targets, feedforward, sites);
    targets.extend(feedforward.iter().cloned());
    Some(Note::ListsRewritten { extra })
}

/// One name for each site whose input is scaled. As targets, these names select no further module: each of them ends with a
/// target name that selects the site, so every module that it selects was selected before.
fn loadable(targets: &Names, feedforward: &Names, sites: &[Site]) -> Names {
    let outputs = sites.iter().filter(|site| site.placement != Placement::Input);
    let mixed: BTreeSet<&str> =
        outputs.flat_map(|site| ends(&site.path)).filter(|end| targets.contains(*end)).collect();
    let is_pure = |name: &str| targets.contains(name) && !mixed.contains(name);
    let inputs = sites.iter().filter(|site| site.placement == Placement::Input);
    inputs.map(|site| name(&site.path, is_pure, feedforward).to_owned()).collect()
}

/// The name for a site. It is the target that selects the site if that target selects no layer whose output is scaled;
/// otherwise the given feed-forward name if it can be a target (it is then longer than the target that selects the site);
/// otherwise the whole path.
fn name<'n>(path: &'n str, is_pure: impl Fn(&str) -> bool, feedforward: &Names) -> &'n str {
    // In the order of the list of targets, which is sorted.
    let pure: BTreeSet<&str> = ends(path).filter(|end| is_pure(end)).collect();
    let given = pure.iter().find(|name| feedforward.contains(**name));
    if let Some(target) = given.or(pure.first()) {
        return target;
    }
    suffixes(path).find(|suffix| feedforward.contains(*suffix)).unwrap_or(path)
}
