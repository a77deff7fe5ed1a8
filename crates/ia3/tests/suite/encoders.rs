//! Every encoder of texts of the corpus beside its parity case: padding on both sides, and rows with their own adapters.

use ia3::core::Ia3Vector;
use ia3::models::PaddingSide;
use ia3::{Adapter, Model, ModelInputs, Task};
use ia3_testing::case_dirs;

use crate::common::{assert_close, device, fixture};

/// Encoders whose positions count from one more than the id of the padding token, and not from 0 as those of a batch that is padded
/// on the left.
const RIGHT_ONLY: [&str; 3] = ["roberta", "xlmroberta", "esm1b"];

fn encoders() -> Vec<(String, Model, Adapter)> {
    let open = |dir: std::path::PathBuf| {
        let model = Model::from_pretrained(dir.join("base"), &device()).unwrap();
        let name = dir.file_name().unwrap().to_string_lossy().to_string();
        let of_texts = model.module().image().is_none();
        let of_encoder = of_texts && Task::OF_ENCODERS.contains(&model.module().task());
        of_encoder.then(|| {
            let adapter = Adapter::load(dir.join("adapter"), &model).unwrap();
            (name, model, adapter)
        })
    };
    let all: Vec<_> = case_dirs(&fixture("")).into_iter().filter_map(open).collect();
    assert!(all.len() > 15, "{}", all.len());
    all
}

fn rows() -> [Vec<i64>; 2] {
    [vec![7, 8, 3, 5, 17, 40, 22, 31, 9], vec![9, 6, 33]]
}

fn batch(model: &Model, rows: &[Vec<i64>], side: PaddingSide) -> ModelInputs {
    ModelInputs::from_rows(rows, model.module().pad_token_id(), side, &device())
}

/// The logits at the real tokens of a row, or those of the row.
fn logits(model: &Model, inputs: ModelInputs, row: usize, real: std::ops::Range<usize>) -> Vec<f32> {
    let logits = model.forward(inputs).unwrap().narrow(0, row, 1);
    let by_token = model.module().task().by_token();
    let logits = if by_token { logits.narrow(1, real.start, real.len()) } else { logits };
    logits.into_data().iter().collect()
}

#[test]
fn each_row_of_a_padded_batch_is_the_row_alone() {
    for (name, model, adapter) in encoders() {
        let model = model.with_adapter(&adapter).unwrap();
        for (i, row) in rows().into_iter().enumerate() {
            let length = row.len();
            let alone = batch(&model, std::slice::from_ref(&row), PaddingSide::Right);
            let expected = logits(&model, alone, 0, 0..length);
            let right = logits(&model, batch(&model, &rows(), PaddingSide::Right), i, 0..length);
            assert_close(&right, &expected, 2e-5, &format!("{name}, row {i}, padded on the right"));
            // A classifier of sequences reads the first token, which is padding here.
            let by_token = model.module().task().by_token();
            if by_token && !RIGHT_ONLY.iter().any(|kind| name.starts_with(kind)) {
                let left = logits(&model, batch(&model, &rows(), PaddingSide::Left), i, 9 - length..9);
                assert_close(&left, &expected, 2e-5, &format!("{name}, row {i}, padded on the left"));
            }
        }
    }
}

#[test]
fn rows_have_their_own_adapters() {
    for (name, model, adapter) in encoders() {
        let mut adapter = adapter;
        adapter.saved.clear();
        let mut half = adapter.clone();
        for vector in half.vectors.values_mut() {
            *vector = Ia3Vector::new(vector.values() * 0.5, vector.placement);
        }
        let mixed = model.with_rows(&[Some(&adapter), Some(&half)]).unwrap();
        for (i, own) in [&adapter, &half].into_iter().enumerate() {
            let length = rows()[i].len();
            let inputs = || batch(&model, &rows(), PaddingSide::Right);
            let expected = logits(&model.with_adapter(own).unwrap(), inputs(), i, 0..length);
            let got = logits(&mixed, inputs(), i, 0..length);
            assert_close(&got, &expected, 2e-5, &format!("{name}, row {i}"));
        }
    }
}
