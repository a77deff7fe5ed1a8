use burn::tensor::{Device, Int, Tensor};
use ia3_data::{Example, Target};
use ia3_models::{Model, PaddingSide};

/// The token types of examples, if one of them has some, padded with 0, for a model that tells two texts of an input apart by
/// them. The tokens of an input of one text have the type 0.
pub(crate) fn token_types(examples: &[&Example], model: &Model, device: &Device) -> Option<Tensor<2, Int>> {
    let of = |example: &&Example| match &example.target {
        Target::Pairs { pairs, .. } => pairs.iter().map(|pair| pair.token_type_ids.clone()).collect(),
        _ if example.token_type_ids.is_empty() => vec![vec![0; example.input.len()]],
        _ => vec![example.token_type_ids.clone()],
    };
    let has_types = |example: &&Example| {
        matches!(&example.target, Target::Pairs { .. }) || !example.token_type_ids.is_empty()
    };
    let rows: Vec<Vec<i64>> = examples.iter().flat_map(of).collect();
    let types = || model.token_type_batch(&rows, PaddingSide::Right, device);
    examples.iter().any(has_types).then(types).flatten()
}
