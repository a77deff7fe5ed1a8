//! Normalised rows times `gamma`, plus `beta`.

use burn::backend::TensorMetadata;
use ia3_kernels::norm::Norm;
use ia3_kernels::rows;

use super::tensor::{Primitive, contiguous, last_dim, new};

/// A `beta` without elements adds nothing.
pub(crate) fn apply(x: Primitive, gamma: Primitive, beta: Primitive, norm: Norm) -> Primitive {
    let [x, gamma, beta] = [x, gamma, beta].map(contiguous);
    let beta = Some(beta.storage()).filter(|beta: &&[f32]| !beta.is_empty());
    new(norm.apply(x.storage(), gamma.storage(), beta), x.shape().to_vec())
}

/// The gradients of `x`, `gamma` and `beta`, each if it is wanted.
pub(crate) fn gradient(
    [x, gamma]: [&Primitive; 2],
    norm: Norm,
    g: Primitive,
    wanted: [bool; 3],
) -> [Option<Primitive>; 3] {
    let [x, gamma, g] = [x.clone(), gamma.clone(), g].map(contiguous);
    let width = last_dim(&gamma);
    let dims = x.shape().to_vec();
    let (x, gamma, g) = (x.storage(), gamma.storage(), g.storage());
    let vector = |values| new(values, vec![width]);
    [
        wanted[0].then(|| new(norm.gradient(x, gamma, g), dims)),
        wanted[1].then(|| vector(norm.gradient_of_gamma(x, width, g))),
        wanted[2].then(|| vector(rows::sum(g, width))),
    ]
}
