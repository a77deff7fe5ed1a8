//! The two places of a vector in a gated feed-forward block.
//!
//! A gated block computes `wo(act(wi_0 x) ⊙ wi_1 x)`: between the output of `wi_1` and the input of `wo` there is
//! only a product, so `wo(act(wi_0 x) ⊙ (l ⊙ wi_1 x)) = wo(l ⊙ (act(wi_0 x) ⊙ wi_1 x))`. T-Few has the vector on the
//! output (`configs/ia3.json`), PEFT's default for T5 on the input (`feedforward_modules`). In `wo(act(wi x))` the
//! activation is between them, and no such equation holds.

use std::collections::BTreeMap;
use std::fmt;

use ia3_config::{ModelInfo, Placement};

use crate::adapter_file::{AdapterFile, FileVector};
use crate::error::IoError;
use crate::gated::{Move, at_site, check_length, move_length, moves};
use crate::targets;

/// A place for the vectors of gated feed-forward blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedForwardSite {
    /// The input of the last matrix: `wo` of T5, `down_proj` of Llama.
    Wo,
    /// The output of the matrix beside the gate: `wi_1` of T5, `up_proj` of Llama.
    Wi1,
}

/// `the input of wo`, `the output of wi_1`.
impl fmt::Display for FeedForwardSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wo => "the input of wo",
            Self::Wi1 => "the output of wi_1",
        })
    }
}

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

impl AdapterFile {
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
    /// [`IoError::NotGated`] and [`IoError::GateUnknown`] for a vector that cannot move or may not be able to;
    /// [`IoError::Occupied`] and [`IoError::MoveLength`] for one that does not fit its new place; the errors of
    /// [`placements`](Self::placements).
    pub fn place_feed_forward(
        self,
        site: FeedForwardSite,
        base: Option<&ModelInfo>,
    ) -> Result<(Self, Placed), IoError> {
        let mut placements = self.placements(base)?;
        let Self { path, config, mut vectors, saved } = self;
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
            false => targets::select(config, &vectors, &placements, base)?,
        };
        Ok((Self { path, config, vectors, saved }, placed))
    }
}

fn check_free(
    site: FeedForwardSite,
    step: &Move,
    placements: &BTreeMap<String, Placement>,
) -> Result<(), IoError> {
    let wanted = site.name(step.gated).1;
    match placements.get(&step.to) == Some(&wanted) {
        true => Ok(()),
        false => Err(IoError::Occupied { module: step.from.clone(), to: step.to.clone(), wanted }),
    }
}

fn product(step: &Move, values: Vec<f32>, other: &FileVector) -> Result<Vec<f32>, IoError> {
    match values.len() == other.values.len() {
        true => Ok(values.iter().zip(&other.values).map(|(a, b)| a * b).collect()),
        false => Err(move_length(step, values.len(), other.values.len())),
    }
}
