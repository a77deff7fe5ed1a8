//! YaRN (arXiv 2309.00071), as `_compute_yarn_parameters` of transformers computes it.

use std::f64::consts::TAU;

use super::frequencies::RotaryFrequencies;
use super::parameters::{RopeParameters, number};
use crate::config_field::{expect, expect_positive};
use crate::error::ModelError;

/// Fast pairs keep their angles, slow ones are stretched by `factor`, and those between are mixed.
pub(super) fn yarn(
    p: &RopeParameters,
    width: usize,
    max_position_embeddings: usize,
) -> Result<RotaryFrequencies, ModelError> {
    // transformers mixes as many pairs as half the width, rounded down, so an odd width has no meaning.
    let (share, expected) =
        (p.partial_rotary_factor.unwrap_or(1.0), "an even number of features with the `rope_type` yarn");
    expect(width.is_multiple_of(2), "partial_rotary_factor", share, expected)?;
    let original = number("original_max_position_embeddings", p.original_max_position_embeddings)?;
    let factor = p.factor.unwrap_or(max_position_embeddings as f64 / original);
    expect_positive("factor", factor)?;
    expect(p.theta() != 1.0, "rope_theta", 1, "another base than 1 with yarn")?;
    let [low, high] = limits(p, width, original)?;
    let stretched = |(i, frequency): (usize, f32)| {
        let kept = 1.0 - ((i as f64 - low) / (high - low)).clamp(0.0, 1.0) as f32;
        frequency / factor as f32 * (1.0 - kept) + frequency * kept
    };
    let short = RotaryFrequencies::of_base(p.theta(), width).into_iter().enumerate().map(stretched);
    Ok(RotaryFrequencies {
        scale: attention_factor(p, factor) as f32,
        ..RotaryFrequencies::fixed(short.collect())
    })
}

/// The pairs up to which wavelengths are left alone, and from which they are stretched fully.
fn limits(p: &RopeParameters, width: usize, original: f64) -> Result<[f64; 2], ModelError> {
    let turns = |field, value: Option<f64>, default| match value.filter(|value| *value != 0.0) {
        Some(value) => expect_positive(field, value).map(|()| value),
        None => Ok(default),
    };
    let (fast, slow) = (turns("beta_fast", p.beta_fast, 32.0)?, turns("beta_slow", p.beta_slow, 1.0)?);
    let pair = |turns: f64| width as f64 * (original / (turns * TAU)).ln() / (2.0 * p.theta().ln());
    let (low, high) = match p.truncate.unwrap_or(true) {
        true => (pair(fast).floor(), pair(slow).ceil()),
        false => (pair(fast), pair(slow)),
    };
    let (low, high) = (low.max(0.0), high.min(width as f64 - 1.0));
    Ok([low, if low == high { high + 0.001 } else { high }])
}

fn attention_factor(p: &RopeParameters, factor: f64) -> f64 {
    let scale = |weight: f64| if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 };
    let nonzero = |weight: Option<f64>| weight.filter(|weight| *weight != 0.0);
    match (p.attention_factor, nonzero(p.mscale), nonzero(p.mscale_all_dim)) {
        (Some(factor), _, _) => factor,
        (None, Some(above), Some(below)) => scale(above) / scale(below),
        _ => scale(1.0),
    }
}
