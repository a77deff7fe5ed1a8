//! Moving the vectors of gated feed-forward blocks.

use std::collections::BTreeMap;

use ia3_config::{ModelInfo, Placement};
use ia3_io::{AdapterFile, FileVector};

use crate::error::ConvertError;
use crate::feed_forward::FeedForwardSite;
use crate::feed_forward::gated::{Move, at_site, check_length, move_length, moves};
use crate::selectors;

/// Which feed-forward vectors of an adapter were moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The modules whose vector was moved, each with its new module.
    pub moved: Vec<(String, String)>,
    /// The modules among them whose new module had a vector already. The two vectors were multiplied.
    pub multiplied: Vec<String>,
    /// The modules whose vector was in the right place already.
    pub kept: Vec<String>,
}

/// Moves the vectors of gated feed-forward blocks to `site`.
///
/// With the result the model computes the same up to rounding. If a block has vectors in both places, they are multiplied.
/// All other vectors stay. If no vector moves, the configuration stays too.
///
/// The base decides whether a block is gated. Without a base, the names in the adapter (`wi_1`, `wi_0` or `gate_proj`)
/// decide for all blocks.
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
