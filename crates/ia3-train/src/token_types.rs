use burn::tensor::{Device, Int, Tensor};
use ia3_data::{Example, Target};
use ia3_models::{Model, ModelInputs, PaddingSide};

/// The token types of examples that have them, padded with 0, for a model that tells two texts of an input apart by them.
pub(crate) fn token_types(examples: &[&Example], model: &Model, device: &Device) -> Option<Tensor<2, Int>> {
    if model.token_types() < 2 {
        return None;
    }
    let of = |example: &&Example| match &example.target {
        Target::Span(span) => Some(vec![span.token_type_ids.clone()]),
        Target::Pairs { pairs, .. } => Some(pairs.iter().map(|pair| pair.token_type_ids.clone()).collect()),
        _ => None,
    };
    let rows: Vec<Vec<Vec<i64>>> = examples.iter().map(of).collect::<Option<_>>()?;
    let rows = rows.concat();
    ModelInputs::from_rows(&rows, 0, PaddingSide::Right, device).input_ids
}
