//! `--check`: the logits of the merged file, compared with those of the adapters on the dequantised base.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use burn::tensor::{DType, Device, FloatDType};
use ia3::core::Adapter;
use ia3::models::{Model, PaddingSide};
use ia3::{PretrainedOptions, Task};
use ia3_guard::quote_path;
use serde::Serialize;

use crate::commands::base_model;
use crate::tokenizer;

/// The logits on a prompt before a merge.
pub(super) struct Check {
    ids: Vec<i64>,
    base: Vec<f32>,
    adapted: Vec<f32>,
}

/// What the merge did to the logits of a prompt.
#[derive(Serialize)]
pub(super) struct Difference {
    tokens: usize,
    /// The largest difference from the adapters on the dequantised base.
    difference: f64,
    /// The largest change that the adapters make.
    change: f64,
    largest_logit: f64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, difference, change, largest_logit } = self;
        write!(
            f,
            "logits of {tokens} tokens differ by up to {difference:.1e} from the adapter on the dequantised base, which \
             changes them by up to {change:.3}; the largest is {largest_logit:.3}"
        )
    }
}

impl Check {
    /// Computes the logits of the base and of the base with the adapters.
    pub(super) fn before(
        prompt: &str,
        base: &Path,
        adapters: &[PathBuf],
        device: &Device,
    ) -> anyhow::Result<Self> {
        let ids = tokenizer::open(base)?.encode(prompt, None)?;
        ensure!(!ids.is_empty(), "the prompt of --check has no tokens; give a longer one");
        let model = load(base, device)?;
        if model.task() != Task::CausalLm {
            bail!("--check is for decoders, and `{}` is none; compare with `ia3 generate`", quote_path(base));
        }
        let adapters = base_model::finite_adapters(adapters, &model, base, device)?;
        let adapted = ia3::attach(&model, &adapters.iter().collect::<Vec<&Adapter>>())?;
        let (base, adapted) = (logits(&model, &ids, device)?, logits(&adapted, &ids, device)?);
        Ok(Self { ids, base, adapted })
    }

    /// Compares with the logits of the merged file.
    pub(super) fn after(&self, merged: &Path, device: &Device) -> anyhow::Result<Difference> {
        let merged = logits(&load(merged, device)?, &self.ids, device)?;
        Ok(Difference {
            tokens: self.ids.len(),
            difference: largest_difference(&merged, &self.adapted),
            change: largest_difference(&self.base, &self.adapted),
            largest_logit: self.adapted.iter().map(|logit| f64::from(logit.abs())).fold(0.0, f64::max),
        })
    }
}

fn load(path: &Path, device: &Device) -> anyhow::Result<Model> {
    let options = PretrainedOptions::new().with_dtype(FloatDType::F32);
    Ok(base_model::load_with(path, &options, device)?.model)
}

fn logits(model: &Model, ids: &[i64], device: &Device) -> anyhow::Result<Vec<f32>> {
    let inputs = model.batch(&[ids.to_vec()], PaddingSide::Right, device)?;
    Ok(model.forward(&inputs)?.cast(DType::F32).try_into_data()?.iter::<f32>().collect())
}

/// The largest difference; NaN if there is one in either.
fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    let difference = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    a.iter()
        .zip(b)
        .map(difference)
        .fold(0.0, |most, next| if next > most || next.is_nan() { next } else { most })
}
