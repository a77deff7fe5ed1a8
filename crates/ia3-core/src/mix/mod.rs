//! Combines several adapters into one.

mod architecture;
mod ties;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use ia3_config::{Ia3Config, Placement, Selector};

use crate::adapter::Adapter;
use crate::error::AdapterError;
use crate::vector::Ia3Vector;

/// The formula that combines the vectors `lᵢ` of several adapters with the weights `wᵢ` into one vector.
///
/// An adapter without a vector for a layer counts as a vector of ones there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MixMethod {
    /// `Σ wᵢ·lᵢ`, as in PEFT's `add_weighted_adapter` (`tuners/ia3/model.py`). If the weights do not sum to 1, the mix scales
    /// every activation.
    Linear,
    /// `Π lᵢ`, which has the effect of attaching all adapters together. Every weight must be 1.
    Product,
    /// `1 + Σ wᵢ·(lᵢ − 1)`. It sums the distances from the identity, so a value that no adapter changes stays 1 for any
    /// weights. If the weights sum to 1, the result equals that of [`Linear`](Self::Linear).
    Identity,
    /// `Π lᵢ^wᵢ`. It is an error if `lᵢ` is negative and its weight is not a whole number, or if `lᵢ` is 0 and its weight is
    /// negative.
    Geometric,
    /// `1 + TIES(lᵢ − 1)`, computed for each layer on its own. TIES keeps only the largest values of each vector, elects one
    /// sign for each value, and averages the values that have this sign (arXiv 2306.01708 §3; `ties` in PEFT's
    /// `utils/merge_utils.py` with the majority sign of the total).
    ///
    /// As in PEFT, the sign is elected before the weights are applied, and the sum of the weighted values is divided by
    /// their number, so weights of 1 give the mean.
    Ties {
        /// The share of the values of each vector to keep, from 0 to 1. Of `n` values, `⌊density·n⌋` are kept.
        density: f64,
    },
}

/// Combines several adapters with weights into one adapter, by the formula of a [`MixMethod`].
///
/// The result scales every layer that at least one of the adapters scales. If all adapters have the same targets, the result
/// has their configuration; otherwise its configuration names the layers by their full paths. Its vectors are new, and all of
/// their values can be trained, even those that were held in an adapter (see [`Adapter::kv_only`]).
///
/// # Errors
///
/// - [`AdapterError::NothingToMix`]: the list of adapters is empty.
/// - [`AdapterError::MixWeight`], [`AdapterError::ProductWeight`], [`AdapterError::Density`]: a weight or the density is not
///   allowed.
/// - [`AdapterError::MixedPlacement`], [`AdapterError::MixedLength`]: two vectors of one layer differ in placement or length.
/// - [`AdapterError::MixedSaved`]: an adapter has `modules_to_save`.
/// - [`AdapterError::MixedArchitectures`]: the adapters are for different architectures.
/// - [`AdapterError::NoPower`]: the geometric mix of a value is not defined.
/// - [`AdapterError::MixNotFinite`]: a vector or the mix is NaN or infinite.
///
/// # Panics
///
/// Panics if a device fails to return the values.
///
/// ```
/// # use burn::tensor::{Device, Tensor};
/// # use ia3_core::{Adapter, Ia3Config, Ia3Vector, MixMethod, Placement, mix};
/// # let device = Device::flex();
/// # let adapter = |l: [f32; 2]| Adapter {
/// #     config: Ia3Config::new(),
/// #     vectors: [("k".to_string(), Ia3Vector::new(Tensor::from_floats(l, &device), Placement::Output))].into(),
/// #     saved: Default::default(),
/// # };
/// let (a, b) = (adapter([2.0, 1.0]), adapter([1.0, 0.0]));
/// let mixed = mix(&[(&a, 0.5), (&b, 0.25)], MixMethod::Identity)?;
/// let l: Vec<f32> = mixed.vectors["k"].values().into_data().iter().collect();
/// assert_eq!(l, [1.5, 0.75]);
/// # Ok::<(), ia3_core::AdapterError>(())
/// ```
pub fn mix(adapters: &[(&Adapter, f32)], method: MixMethod) -> Result<Adapter, AdapterError> {
    let Some((first, _)) = adapters.first() else { return Err(AdapterError::NothingToMix) };
    check(adapters, method)?;
    let paths: BTreeSet<&String> = adapters.iter().flat_map(|(a, _)| a.vectors.keys()).collect();
    let mut vectors = BTreeMap::new();
    for path in paths {
        vectors.insert(path.clone(), mixed(path, adapters, method)?);
    }
    let config = if alike(adapters) { first.config.clone() } else { full_paths(&first.config, &vectors) };
    Ok(Adapter { config, vectors, saved: Default::default() })
}

/// Calls [`mix`] with [`MixMethod::Linear`], the formula of PEFT's `add_weighted_adapter`.
///
/// # Errors
///
/// The errors are those of [`mix`].
///
/// # Panics
///
/// Panics if a device fails to return the values.
pub fn mix_linear(adapters: &[(&Adapter, f32)]) -> Result<Adapter, AdapterError> {
    mix(adapters, MixMethod::Linear)
}

fn check(adapters: &[(&Adapter, f32)], method: MixMethod) -> Result<(), AdapterError> {
    if let Some(path) = adapters.iter().find_map(|(a, _)| a.saved.keys().next()) {
        return Err(AdapterError::MixedSaved { path: path.clone() });
    }
    architecture::check(adapters)?;
    for (index, &(_, weight)) in adapters.iter().enumerate() {
        match method {
            _ if !weight.is_finite() => return Err(AdapterError::MixWeight { index, weight }),
            MixMethod::Product if weight != 1.0 => return Err(AdapterError::ProductWeight { index, weight }),
            _ => {}
        }
    }
    match method {
        MixMethod::Ties { density } if !(0.0..=1.0).contains(&density) => {
            Err(AdapterError::Density { density })
        }
        _ => Ok(()),
    }
}

/// Whether the adapters scale the same layers and select them by the same selectors. The mix then keeps these selectors.
fn alike(adapters: &[(&Adapter, f32)]) -> bool {
    fn targets(a: &Adapter) -> [&Option<Selector>; 3] {
        [&a.config.target_modules, &a.config.feedforward_modules, &a.config.exclude_modules]
    }
    let Some((first, _)) = adapters.first() else { return false };
    let [target, feedforward, _] = targets(first);
    let same =
        |(a, _): &(&Adapter, f32)| targets(a) == targets(first) && a.vectors.keys().eq(first.vectors.keys());
    target.is_some() && feedforward.is_some() && adapters.iter().all(same)
}

fn full_paths(config: &Ia3Config, vectors: &BTreeMap<String, Ia3Vector>) -> Ia3Config {
    let inputs = vectors.iter().filter(|(_, v)| v.placement == Placement::Input);
    Ia3Config {
        target_modules: Some(vectors.keys().cloned().collect::<Selector>()),
        feedforward_modules: Some(inputs.map(|(path, _)| path.clone()).collect::<Selector>()),
        exclude_modules: None,
        modules_to_save: None,
        ..config.clone()
    }
}

fn mixed(path: &str, adapters: &[(&Adapter, f32)], method: MixMethod) -> Result<Ia3Vector, AdapterError> {
    let mut vectors = adapters.iter().filter_map(|(a, _)| a.vectors.get(path));
    let Some(first) = vectors.next() else { return Err(AdapterError::NotAttached { path: path.into() }) };
    vectors.try_for_each(|other| check_pair(path, first, other))?;
    let row = |(a, weight): &(&Adapter, f32)| {
        let values = |v: &Ia3Vector| v.values().into_data().iter::<f32>().collect();
        (a.vectors.get(path).map_or_else(|| vec![1.0; first.len()], values), *weight)
    };
    let rows: Vec<(Vec<f32>, f32)> = adapters.iter().map(row).collect();
    let values = values::mix(path, &rows, method)?;
    let device = first.l.lazy_device().without_autodiff();
    Ok(Ia3Vector::new(Tensor::from_floats(values.as_slice(), &device), first.placement)
        .with_weight_rank(first.weight_rank()))
}

fn check_pair(path: &str, first: &Ia3Vector, other: &Ia3Vector) -> Result<(), AdapterError> {
    if other.placement != first.placement {
        return Err(AdapterError::MixedPlacement { path: path.into() });
    }
    match (first.len(), other.len()) {
        (expected, found) if expected != found => {
            Err(AdapterError::MixedLength { path: path.into(), expected, found })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn adapter(vectors: &[(&str, &[f32], Placement)]) -> Adapter {
        let vector = |(path, l, placement): &(&str, &[f32], Placement)| {
            (path.to_string(), Ia3Vector::new(Tensor::from_floats(*l, &Device::flex()), *placement))
        };
        let config = Ia3Config::new().with_exclude_modules(["k"]);
        Adapter { config, vectors: vectors.iter().map(vector).collect(), saved: Default::default() }
    }

    #[test]
    fn an_absent_vector_counts_as_ones_and_the_sites_unite() {
        let a = adapter(&[("k", &[2.0, 4.0], Placement::Output), ("wo", &[3.0], Placement::Input)]);
        let b = adapter(&[("k", &[1.0, -1.0], Placement::Output)]);
        let mix = mix_linear(&[(&a, 0.5), (&b, 2.0)]).unwrap();
        let values = |path: &str| -> Vec<f32> { mix.vectors[path].l.val().into_data().iter().collect() };
        assert_eq!(values("k"), [3.0, 0.0]);
        assert_eq!(values("wo"), [3.5]);
        assert_eq!(mix.config.target_modules, Some(["k", "wo"].into()));
        assert_eq!(mix.config.feedforward_modules, Some(["wo"].into()));
        assert_eq!(mix.config.exclude_modules, None, "else the saved mix would exclude its own sites");
    }

    #[test]
    fn adapters_alike_keep_their_configuration() {
        let named = |config: &Ia3Config| {
            let mut a = adapter(&[("x.k", &[2.0], Placement::Output), ("y.k", &[3.0], Placement::Output)]);
            a.config = config.clone();
            a
        };
        let config = Ia3Config::new().with_target_modules(["k"]).with_feedforward_modules([]);
        let (a, b) = (named(&config), named(&config));
        assert_eq!(mix_linear(&[(&a, 0.5), (&b, 0.5)]).unwrap().config, config);
        let other = named(&config.clone().with_target_modules(".*k"));
        let mix = mix_linear(&[(&a, 0.5), (&other, 0.5)]).unwrap();
        assert_eq!(mix.config.target_modules, Some(["x.k", "y.k"].into()));
    }

    #[test]
    fn what_has_no_mix_is_refused() {
        let a = adapter(&[("k", &[2.0, 4.0], Placement::Output)]);
        let message = |b: &Adapter| mix_linear(&[(&a, 0.5), (b, 0.5)]).unwrap_err().to_string();
        let placed = message(&adapter(&[("k", &[2.0, 4.0], Placement::Input)]));
        assert_eq!(
            placed,
            "one adapter scales the input of `k` and another scales its output; only vectors with the same placement can be mixed"
        );
        let long = message(&adapter(&[("k", &[2.0], Placement::Output)]));
        assert_eq!(
            long,
            "the vectors of `k` have 2 and 1 values, but only vectors of one length can be mixed; were the adapters trained on the same base?"
        );
        let t5 = adapter(&[("encoder.block.0.layer.0.SelfAttention.k", &[2.0], Placement::Output)]);
        let gpt2 = adapter(&[("transformer.h.0.attn.c_attn", &[2.0], Placement::Output)]);
        let error = mix_linear(&[(&a, 0.5), (&t5, 0.5), (&gpt2, 0.5)]).unwrap_err().to_string();
        assert_eq!(
            error,
            "adapter 2 is for the architecture T5 and adapter 3 for GPT-2; only adapters of one architecture can be mixed"
        );
        let mut saved = a.fork();
        saved.saved.insert("classifier.weight".into(), vec![1.0f32].as_slice().into());
        let saved = message(&saved);
        assert!(saved.starts_with("one of the adapters saves `classifier.weight` whole"), "{saved}");
        assert_eq!(mix_linear(&[]).unwrap_err().to_string(), "there is no adapter to mix; give at least one");
    }
}
