//! Computes the values of one mixed vector.

use super::MixMethod;
use super::ties::ties;
use crate::error::AdapterError;

/// Mixes the vectors of one layer, each with the weight of its adapter. The computation is in float64, where `1 + (l − 1)` is
/// exactly `l`.
pub(super) fn mix(path: &str, rows: &[(Vec<f32>, f32)], method: MixMethod) -> Result<Vec<f32>, AdapterError> {
    if method == MixMethod::Geometric {
        check_powers(path, rows)?;
    }
    let mixed = match method {
        MixMethod::Ties { density } => ties(rows, density),
        MixMethod::Linear => each(rows, |at| at.map(|(l, w)| w * l).sum()),
        MixMethod::Product => each(rows, |at| at.map(|(l, _)| l).product()),
        MixMethod::Identity => each(rows, |at| 1.0 + at.map(|(l, w)| w * (l - 1.0)).sum::<f64>()),
        MixMethod::Geometric => each(rows, |at| at.map(|(l, w)| l.powf(w)).product()),
    };
    let all = rows.iter().map(|(l, _)| l).chain([&mixed]);
    let broken = all.map(|l| l.iter().filter(|x| !x.is_finite()).count()).max().unwrap_or(0);
    match broken {
        0 => Ok(mixed),
        count => Err(AdapterError::MixNotFinite { path: path.into(), count }),
    }
}

/// Calls `f` for each index of the vector, with the value and the weight of every adapter.
fn each(rows: &[(Vec<f32>, f32)], f: impl Fn(&mut dyn Iterator<Item = (f64, f64)>) -> f64) -> Vec<f32> {
    let len = rows.first().map_or(0, |(l, _)| l.len());
    (0..len).map(|i| f(&mut rows.iter().map(|(l, w)| (l[i].into(), (*w).into()))) as f32).collect()
}

fn check_powers(path: &str, rows: &[(Vec<f32>, f32)]) -> Result<(), AdapterError> {
    for (index, (l, weight)) in rows.iter().enumerate() {
        let undefined = |l: &&f32| **l < 0.0 && weight.fract() != 0.0 || **l == 0.0 && *weight < 0.0;
        if let Some(&value) = l.iter().find(undefined) {
            return Err(AdapterError::NoPower { path: path.into(), index, value, weight: *weight });
        }
    }
    Ok(())
}
