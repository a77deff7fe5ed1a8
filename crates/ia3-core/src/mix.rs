use std::collections::BTreeSet;

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
/// [`Ia3Error::MixedPlacement`] or [`Ia3Error::MixedLength`] where two vectors of one module do not go together.
pub fn mix_linear(adapters: &[(&Adapter, f32)]) -> Result<Adapter, Ia3Error> {
    let paths: BTreeSet<&String> = adapters.iter().flat_map(|(a, _)| a.vectors.keys()).collect();
    let mut vectors = std::collections::BTreeMap::new();
    for path in paths {
        vectors.insert(path.clone(), weighted_sum(path, adapters)?);
    }
    let inputs = vectors.iter().filter(|(_, v)| v.placement == ia3_config::Placement::Input);
    let config = Ia3Config {
        target_modules: Some(vectors.keys().cloned().collect::<Selector>()),
        feedforward_modules: Some(inputs.map(|(path, _)| path.clone()).collect::<Selector>()),
        ..adapters.first().map(|(a, _)| a.config.clone()).unwrap_or_default()
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
    let ones = first.l.val().ones_like();
    let term = |(a, w): &(&Adapter, f32)| -> Tensor<1> {
        a.vectors.get(path).map_or_else(|| ones.clone(), |v| v.l.val()) * *w
    };
    let sum = adapters.iter().map(term).fold(ones.zeros_like(), |sum, term| sum + term);
    Ok(Ia3Vector::new(sum, first.placement))
}
