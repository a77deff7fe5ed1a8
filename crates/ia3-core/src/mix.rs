use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use ia3_config::{Ia3Config, Selector};

use crate::adapter::Adapter;
use crate::error::Ia3Error;
use crate::scale::Ia3Vector;

/// The weighted sum `Σ wᵢ·lᵢ` of the adapters' vectors, PEFT's `add_weighted_adapter`.
///
/// An adapter without a vector somewhere counts as the identity there, a vector of ones (PEFT counts it
/// as zeros, which shrinks the activations). The result targets the union of the sites by their full names.
///
/// # Errors
///
/// [`Ia3Error::MixedPlacement`] or [`Ia3Error::MixedLength`] where two vectors of one module do not go together,
/// [`Ia3Error::MixedSaved`] for an adapter with `modules_to_save`, [`Ia3Error::NothingToMix`] without adapters.
pub fn mix_linear(adapters: &[(&Adapter, f32)]) -> Result<Adapter, Ia3Error> {
    let Some((first, _)) = adapters.first() else { return Err(Ia3Error::NothingToMix) };
    if let Some(path) = adapters.iter().find_map(|(a, _)| a.saved.keys().next()) {
        return Err(Ia3Error::MixedSaved { path: path.clone() });
    }
    let paths: BTreeSet<&String> = adapters.iter().flat_map(|(a, _)| a.vectors.keys()).collect();
    let mut vectors = BTreeMap::new();
    for path in paths {
        vectors.insert(path.clone(), weighted_sum(path, adapters)?);
    }
    let inputs = vectors.iter().filter(|(_, v)| v.placement == ia3_config::Placement::Input);
    let config = Ia3Config {
        target_modules: Some(vectors.keys().cloned().collect::<Selector>()),
        feedforward_modules: Some(inputs.map(|(path, _)| path.clone()).collect::<Selector>()),
        exclude_modules: None,
        modules_to_save: None,
        ..first.config.clone()
    };
    Ok(Adapter { config, vectors, saved: Default::default() })
}

fn weighted_sum(path: &str, adapters: &[(&Adapter, f32)]) -> Result<Ia3Vector, Ia3Error> {
    let mut vectors = adapters.iter().filter_map(|(a, _)| a.vectors.get(path));
    let Some(first) = vectors.next() else { return Err(Ia3Error::NotAttached { path: path.into() }) };
    for other in vectors {
        if other.placement != first.placement {
            return Err(Ia3Error::MixedPlacement { path: path.into() });
        }
        if other.len() != first.len() {
            let (expected, found) = (first.len(), other.len());
            return Err(Ia3Error::MixedLength { path: path.into(), expected, found });
        }
    }
    let ones = first.values().ones_like();
    let term = |(a, w): &(&Adapter, f32)| -> Tensor<1> {
        a.vectors.get(path).map_or_else(|| ones.clone(), Ia3Vector::values) * *w
    };
    let sum = adapters.iter().map(term).fold(ones.zeros_like(), |sum, term| sum + term);
    Ok(Ia3Vector::new(sum, first.placement).with_weight_rank(first.weight_rank()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ia3_config::Placement;

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
    fn what_has_no_mix_is_refused() {
        let a = adapter(&[("k", &[2.0, 4.0], Placement::Output)]);
        let message = |b: &Adapter| mix_linear(&[(&a, 0.5), (b, 0.5)]).unwrap_err().to_string();
        let placed = message(&adapter(&[("k", &[2.0, 4.0], Placement::Input)]));
        assert_eq!(
            placed,
            "one adapter scales the input of `k` and another its output; such vectors have no common mix"
        );
        let long = message(&adapter(&[("k", &[2.0], Placement::Output)]));
        assert_eq!(long, "the vectors of `k` have 2 and 1 values; were the adapters trained on one base?");
        let mut saved = a.fork();
        saved.saved.insert("classifier.weight".into(), vec![1.0f32].as_slice().into());
        assert!(message(&saved).starts_with("`classifier.weight` is saved whole"), "{}", message(&saved));
        assert_eq!(mix_linear(&[]).unwrap_err().to_string(), "there is no adapter to mix");
    }
}
