//! Quantised bases through the program: quantise, inspect, run, train, merge. Also bases in bfloat16.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{names, run, succeed, tensor, workspace};
use serde_json::Value;

/// The largest allowed difference of a logit between the merged quantised model and the adapter on the quantised base,
/// relative to the largest logit.
const TOLERANCE: f64 = 1e-5;

struct Bench {
    dir: tempfile::TempDir,
    base: String,
}

impl Bench {
    fn new() -> Self {
        let base = workspace().join("examples/base").display().to_string();
        let bench = Self { dir: tempfile::tempdir().unwrap(), base };
        let ids = [0i64, 3, 5, 7, 11, 2].iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
        let tensor =
            || safetensors::tensor::TensorView::new(safetensors::Dtype::I64, vec![2, 3], &ids).unwrap();
        let tensors = ["input_ids", "decoder_input_ids"].map(|name| (name, tensor()));
        safetensors::serialize_to_file(tensors, None, &bench.path("inputs")).unwrap();
        let line = r#"{"input": "date: 2009-05-31", "target": "the thirty-first of may two thousand nine"}"#;
        fs::write(bench.path("data.jsonl"), line).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The words of a command. `@` stands for the folder and `BASE` for the float base.
    fn words(&self, command: &str) -> Vec<String> {
        let word = |w: &str| match w.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => w.replace("BASE", &self.base),
        };
        command.split(' ').map(word).collect()
    }

    fn succeed(&self, command: &str) -> String {
        let words = self.words(command);
        succeed(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn fail(&self, command: &str) -> String {
        let words = self.words(command);
        let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1), "{command}");
        let dir = self.dir.path().display().to_string();
        String::from_utf8(output.stderr).unwrap().replace(&dir, "DIR").trim_end().to_string()
    }

    fn json(&self, command: &str) -> Value {
        serde_json::from_str(&self.succeed(&format!("{command} --format json"))).unwrap()
    }

    fn logits(&self, model: &str) -> Vec<f64> {
        self.succeed(&format!("forward {model} --inputs @inputs --last --out @logits"));
        tensor(&self.path("logits"), "logits")
    }
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    let largest = b.iter().fold(0f64, |m, b| m.max(b.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

fn size(dir: &Path) -> u64 {
    fs::metadata(dir.join("model.safetensors")).unwrap().len()
}

#[test]
fn a_quantised_base_on_disk_equals_one_quantised_when_loaded() {
    let bench = Bench::new();
    for bits in [8, 4] {
        let report = bench.json(&format!("quantize --base BASE --scheme int{bits} --out @q"));
        assert!(report["quantized_layers"].as_u64().unwrap() > 20, "{report}");
        assert_eq!(report["bytes"].as_u64().unwrap() / 1000, folder_size(&bench.path("q")) / 1000);
        assert!(size(&bench.path("q")) < size(Path::new(&bench.base)) / 2);
        assert!(bench.path("q/tokenizer.json").exists());
        let inspected = bench.json("inspect @q");
        assert_eq!(inspected["weights"]["quantized_bits"], bits);
        assert_eq!(inspected["parameters"], bench.json("inspect BASE")["parameters"]);

        // The logits equal those of the base that is quantised when it is loaded.
        let stored = bench.logits("--base @q");
        assert_eq!(stored, bench.logits(&format!("--base BASE --quantize int{bits}")));
        assert!(worst(&stored, &bench.logits("--base BASE")) > 1e-4, "nothing was quantised");

        let train = "--data @data.jsonl --steps 2 --batch-size 1 --lr 0.1 --target k,v --feedforward";
        let mut words = bench.words(&format!("train --base @q {train}"));
        words.extend(["".to_string()]);
        words.extend(bench.words(&format!("--out @adapter{bits}")));
        succeed(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let adapted = bench.logits(&format!("--base @q --adapter @adapter{bits}"));
        assert!(worst(&adapted, &stored) > 1e-3, "nothing was trained");

        let merged = bench.json(&format!("merge --base @q --adapter @adapter{bits} --out @m"));
        assert_eq!(merged["requantized"], serde_json::json!({}));
        assert_eq!(bench.json("inspect @m")["weights"]["quantized_bits"], bits);
        assert_eq!(names(&bench.path("m/model.safetensors")), names(&bench.path("q/model.safetensors")));
        let difference = worst(&bench.logits("--base @m"), &adapted);
        println!("{bits} bits: merged differs by {difference:.1e}");
        assert!(difference <= TOLERANCE, "{bits} bits: {difference}");

        bench.json(&format!("quantize --base BASE --scheme int{bits} --head --out @h"));
        let with_head = bench.logits("--base @h");
        let loaded = bench.logits(&format!("--base BASE --quantize int{bits} --quantize-head"));
        assert_eq!(with_head, loaded);
        assert!(worst(&with_head, &stored) > 1e-4, "the head was not quantised");
    }
}

#[test]
fn the_option_dtype_sets_the_dtype_of_the_computation() {
    let bench = Bench::new();
    let float = bench.logits("--base BASE");
    assert_eq!(bench.logits("--base BASE --dtype auto"), float);
    assert_eq!(bench.logits("--base BASE --dtype float32"), float);
    let half = worst(&bench.logits("--base BASE --dtype bfloat16"), &float);
    assert!(0.0 < half && half < 0.1, "{half}");
}

fn folder_size(dir: &Path) -> u64 {
    let of = |name: &str| fs::metadata(dir.join(name)).unwrap().len();
    of("model.safetensors") + of("config.json")
}

#[test]
fn scaled_inputs_need_requantize_and_a_quantised_base_is_not_quantised_again() {
    let bench = Bench::new();
    let gpt2 = workspace().join("fixtures/gpt2").display().to_string();
    bench.succeed(&format!("quantize --base {gpt2}/base --scheme int8 --out @q"));
    let refused = bench.fail(&format!("merge --base @q --adapter {gpt2}/adapter --out @m"));
    assert!(
        refused.contains(
            "is quantised, and a vector on the input of a quantised layer cannot be merged exactly"
        ),
        "{refused}"
    );
    assert!(!bench.path("m").exists());
    let merged = bench.json(&format!("merge --base @q --adapter {gpt2}/adapter --out @m --requantize"));
    let errors: Vec<f64> =
        merged["requantized"].as_object().unwrap().values().map(|e| e.as_f64().unwrap()).collect();
    assert!(!errors.is_empty() && errors.iter().all(|e| (0.0..0.01).contains(e)), "{merged}");

    let twice = "the weights of `DIR/q` are quantised already; quantise the float model";
    assert_eq!(bench.fail("quantize --base @q --scheme int4 --out @n"), format!("error: {twice}"));
    let forward = "forward --base @q --quantize int8 --inputs @inputs --last --out @logits";
    assert_eq!(bench.fail(forward), format!("error: {twice}"));
    assert!(!bench.path("n").exists());

    // The folder of the base is never overwritten.
    let own = bench.fail("quantize --base @q --scheme int4 --out @q");
    assert!(own.contains("quantised already"), "{own}");
    let into_itself = bench.fail("merge --base @m --adapter @none --out @m");
    assert!(into_itself.contains("no such file or folder"), "{into_itself}");
}

#[test]
fn fast_integers_are_less_exact_and_need_a_quantised_base() {
    let bench = Bench::new();
    for bits in [8, 4] {
        bench.succeed(&format!("quantize --base BASE --scheme int{bits} --out @q{bits}"));
        let exact = bench.logits(&format!("--base @q{bits}"));
        let fast = bench.logits(&format!("--base @q{bits} --fast-integers"));
        let difference = worst(&fast, &exact);
        println!("{bits} bits: {difference:.1e}");
        assert!(0.0 < difference && difference < 0.05, "{bits} bits: {difference}");
        assert_eq!(fast, bench.logits(&format!("--base BASE --quantize int{bits} --fast-integers")));
    }
    let refused = bench.fail("forward --base BASE --fast-integers --inputs @inputs --last --out @none");
    assert!(refused.contains("`--fast-integers` needs a quantised base"), "{refused}");
    assert!(!bench.path("none").exists());
}
