//! Recognising gated feed-forward blocks by the names of their layers, and finding the vectors that can move.

use std::collections::BTreeMap;

use ia3_config::{ModelInfo, ModuleKind, Placement};

use crate::error::ConvertError;
use crate::feed_forward::FeedForwardSite;

/// The names of the layers in a gated block.
pub(super) struct Gated {
    gate: &'static str,
    up: &'static str,
    down: &'static str,
    /// The layer that a plain block has instead of `gate` and `up`.
    plain: Option<&'static str>,
    /// Whether only gated blocks have a layer of the name `up`.
    up_tells: bool,
}

const BLOCKS: [Gated; 2] = [
    Gated { gate: "wi_0", up: "wi_1", down: "wo", plain: Some("wi"), up_tells: true },
    Gated { gate: "gate_proj", up: "up_proj", down: "down_proj", plain: None, up_tells: false },
];

impl Gated {
    /// The name of the layer that has the vector at `site`, and the placement of the vector there.
    pub(super) fn layer_at(&self, site: FeedForwardSite) -> (&'static str, Placement) {
        match site {
            FeedForwardSite::Wo => (self.down, Placement::Input),
            FeedForwardSite::Wi1 => (self.up, Placement::Output),
        }
    }
}

/// A vector that moves from one module to another.
pub(super) struct Move {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) gated: &'static Gated,
}

/// The parent of a module, with its dot, and its last name.
fn split(module: &str) -> (&str, &str) {
    module.split_at(module.rfind('.').map_or(0, |dot| dot + 1))
}

pub(super) fn at_site(site: FeedForwardSite, placements: &BTreeMap<String, Placement>) -> Vec<String> {
    let is_there = |(module, placement): &(&String, &Placement)| {
        BLOCKS.iter().any(|gated| gated.layer_at(site) == (split(module).1, **placement))
    };
    placements.iter().filter(is_there).map(|(module, _)| module.clone()).collect()
}

/// The vectors that must move to be at `site`. All of them are in gated blocks.
pub(super) fn moves(
    site: FeedForwardSite,
    placements: &BTreeMap<String, Placement>,
    base: Option<&ModelInfo>,
) -> Result<Vec<Move>, ConvertError> {
    let mut moves = vec![];
    for (module, &placement) in placements {
        let (parent, name) = split(module);
        for gated in &BLOCKS {
            let to = format!("{parent}{}", gated.layer_at(site).0);
            let step = Move { from: module.clone(), to, gated };
            if gated.layer_at(site.other()) == (name, placement) {
                check_gated(&step, placement, placements, base)?;
                moves.push(step);
            } else if site == FeedForwardSite::Wo
                && (Some(name), placement) == (gated.plain, Placement::Output)
            {
                return Err(step.not_gated(placement));
            }
        }
    }
    Ok(moves)
}

impl Move {
    fn not_gated(&self, placement: Placement) -> ConvertError {
        ConvertError::NotGated { module: self.from.clone(), placement, to: self.to.clone() }
    }
}

/// Checks that a block is gated, by the base or, without one, by the names in the adapter.
fn check_gated(
    step: &Move,
    placement: Placement,
    placements: &BTreeMap<String, Placement>,
    base: Option<&ModelInfo>,
) -> Result<(), ConvertError> {
    let Gated { gate, up, down, plain, up_tells } = *step.gated;
    if base.is_some() {
        let parent = split(&step.to).0;
        let is_there = |name: &&str| layer(base, &format!("{parent}{name}")).is_some();
        return if [gate, up, down].iter().all(is_there) { Ok(()) } else { Err(step.not_gated(placement)) };
    }
    let named = |wanted: &str| placements.keys().any(|module| split(module).1 == wanted);
    if plain.is_some_and(named) {
        return Err(step.not_gated(placement));
    }
    match named(gate) || (up_tells && named(up)) {
        true => Ok(()),
        false => Err(ConvertError::GateUnknown { module: step.from.clone(), to: step.to.clone() }),
    }
}

fn layer<'a>(base: Option<&'a ModelInfo>, path: &str) -> Option<&'a ModuleKind> {
    Some(&base?.module(path)?.kind).filter(|kind| kind.is_adaptable())
}

/// Checks that the vector has the length of the output of `up` and of the input of `down`.
pub(super) fn check_length(step: &Move, len: usize, base: Option<&ModelInfo>) -> Result<(), ConvertError> {
    let parent = split(&step.to).0;
    for (name, placement) in [(step.gated.up, Placement::Output), (step.gated.down, Placement::Input)] {
        let expected = layer(base, &format!("{parent}{name}")).and_then(|kind| kind.vector_len(placement));
        if let Some(expected) = expected.filter(|expected| *expected != len) {
            return Err(move_length(step, len, expected));
        }
    }
    Ok(())
}

pub(super) fn move_length(step: &Move, len: usize, expected: usize) -> ConvertError {
    ConvertError::MoveLength { module: step.from.clone(), len, to: step.to.clone(), expected }
}
