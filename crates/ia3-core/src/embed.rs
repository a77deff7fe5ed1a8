use burn::nn::Embedding;
use burn::tensor::{DType, Int, Tensor};

use crate::factor::touch;
use crate::rows::Ia3Rows;

/// The rows `ids` `[batch, seq]` of an embedding, `[batch, seq, dim]`.
///
/// Where batch entries have their own adapters ([`attach_rows`](crate::attach_rows)), each entry is looked up in the
/// embedding of its adapter. A model that calls this function on an embedding names it in
/// [`ActivationSpace::embeddings_by_row`](crate::ActivationSpace::embeddings_by_row).
///
/// # Panics
///
/// Panics on an id beyond the embedding, and if the first axis of `ids` is not the number of rows that have an adapter each.
pub fn embed(embedding: &Embedding, ids: Tensor<2, Int>) -> Tensor<3> {
    let dtype = embedding.weight.base().dtype();
    embed_as(embedding, ids, dtype)
}

/// The same in `dtype`, such as float32 for an embedding in half precision. Only the rows are cast.
///
/// # Panics
///
/// Panics as [`embed`] does.
pub fn embed_as(embedding: &Embedding, ids: Tensor<2, Int>, dtype: DType) -> Tensor<3> {
    let weight = &embedding.weight;
    let Some(rows) = weight.reparameterization::<Ia3Rows>() else {
        return embedding.forward(ids).cast(dtype);
    };
    touch(weight);
    let (expected, found) = (rows.batch(), ids.dims()[0]);
    assert_eq!(found, expected, "a batch of {found} rows, but adapters for {expected}");
    rows.embed(ids, weight.base(), dtype)
}
