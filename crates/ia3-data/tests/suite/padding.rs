//! The share of padding in batches of real data. `IA3_SENTIMENT` and `IA3_MINILM` name the same folders as in
//! `ia3-cli/tests/suite/minilm.rs`.

use std::path::PathBuf;
use std::time::Instant;

use ia3_data::{Encoder, Fields, Layout, ModelKind, Tokenizer, padding_share};

#[test]
fn batches_of_similar_length_pad_little() {
    let [Some(base), Some(data)] =
        ["IA3_MINILM", "IA3_SENTIMENT"].map(|v| std::env::var_os(v).map(PathBuf::from))
    else {
        return ia3_testing::skip(
            "IA3_MINILM and IA3_SENTIMENT do not name the folders of the model and the data",
        );
    };
    let encoder = Encoder::new(Tokenizer::open(&base.join("tokenizer.json")).unwrap(), ModelKind::Classifier);
    for domain in ["movie", "amazon", "nyt"] {
        let start = Instant::now();
        let path = data.join(format!("{domain}_train.jsonl"));
        let rows = Layout::Fields(Fields::default()).read(&path, &encoder).unwrap();
        let lengths: Vec<usize> = rows.iter().map(|variants| variants[0].input.len()).collect();
        let read = start.elapsed();
        let shares = [1, 8].map(|bucket| padding_share(&lengths, &batches(&lengths, 16, bucket)));
        let [plain, sorted] = shares.map(|share| 100.0 * share);
        println!("{domain}: {} rows in {read:.0?}, padding {plain:.1} % -> {sorted:.1} %", rows.len());
        assert!(2.0 * sorted < plain, "{domain}");
    }
}

/// Batches in the order of the file, sorted by length within each run of `bucket` batches.
fn batches(lengths: &[usize], batch: usize, bucket: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    if bucket > 1 {
        order.chunks_mut(batch * bucket).for_each(|run| run.sort_by_key(|&i| lengths[i]));
    }
    order.chunks(batch).map(<[usize]>::to_vec).collect()
}
