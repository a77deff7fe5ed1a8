//! Moving the vectors of gated feed-forward blocks.

use std::collections::BTreeMap;

use ia3_config::{ModelInfo, Placement};
use ia3_io::{AdapterFile, FileVector};

use crate::error::ConvertError;
use crate::feed_forward::FeedForwardSite;
use crate::feed_forward::gated::{Move, at_site, check_length, move_length, moves};
use crate::selectors;

/// What became of the feed-forward vectors of an adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The modules whose vector moved, with the module it is on now.
    pub moved: Vec<(String, String)>,
    /// Of those, the modules that had a vector in the new place already: the two were multiplied.
    pub multiplied: Vec<String>,
    /// The modules whose vector was in the right place.
    pub kept: Vec<String>,
}

/// The adapter with the vectors of its gated feed-forward blocks at `site`.
///
/// The model computes the same with it, up to rounding. Where a block has a vector in either place, they become
/// their product. Other vectors stay, and so does the configuration where nothing moves.
///
/// A block is gated if the base says so, or the names in the adapter (`wi_1`, `wi_0` or `gate_proj`); then all of
/// its blocks are.
///
/// # Errors
///
/// [`ConvertError::NotGated`] and [`ConvertError::GateUnknown`] for a vector that cannot move or may not be able to;
/// [`ConvertError::Occupied`] and [`ConvertError::MoveLength`] for one that does not fit its new place; the errors of
/// [`AdapterFile::placements`].
pub fn place_feed_forward(
    file: AdapterFile,
    site: FeedForwardSite,
    base: Option<&ModelInfo>,
) -> Result<(AdapterFile, Placed), ConvertError> {
    let mut placements = file.placements(base)?;
    let AdapterFile { path, config, mut vectors, saved } = file;
    let mut placed = Placed { kept: at_site(site, &placements), ..Placed::default() };
    for step in moves(site, &placements, base)? {
        let Some(vector) = vectors.remove(&step.from) else { continue };
        check_length(&step, vector.values.len(), base)?;
        let values = match vectors.get(&step.to) {
            Some(other) => {
                check_free(site, &step, &placements)?;
                placed.multiplied.push(step.from.clone());
                product(&step, vector.values, other)?
            }
            None => vector.values,
        };
        let (shape, placement) = site.shape(values.len());
        placements.remove(&step.from);
        placements.insert(step.to.clone(), placement);
        vectors.insert(step.to.clone(), FileVector { shape, values });
        placed.moved.push((step.from, step.to));
    }
    let config = match placed.moved.is_empty() {
        true => config,
        false => selectors::select(config, &vectors, &placements, base)?,
    };
    Ok((AdapterFile { path, config, vectors, saved }, placed))
}

fn check_free(
    site: FeedForwardSite,
    step: &Move,
    placements: &BTreeMap<String, Placement>,
) -> Result<(), ConvertError> {
    let wanted = step.gated.layer_at(site).1;
    match placements.get(&step.to) == Some(&wanted) {
        true => Ok(()),
        false => Err(ConvertError::Occupied { module: step.from.clone(), to: step.to.clone(), wanted }),
    }
}

fn product(step: &Move, values: Vec<f32>, other: &FileVector) -> Result<Vec<f32>, ConvertError> {
    match values.len() == other.values.len() {
        true => Ok(values.iter().zip(&other.values).map(|(a, b)| a * b).collect()),
        false => Err(move_length(step, values.len(), other.values.len())),
    }
}
