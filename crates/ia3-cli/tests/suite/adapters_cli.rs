//! `ia3 mix`, `ia3 diff`, `ia3 status` and `ia3 devices`: what they compute and print.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{run, succeed, tensor, workspace};
use serde_json::Value;

const K: &str = "base_model.model.encoder.block.0.layer.0.SelfAttention.k.ia3_l";
const WEIGHTS: &str = "adapter_model.safetensors";

/// A folder with copies of the T5 case: `base`, `a`, `b`, `alt`.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = [("base", "base"), ("adapter", "a"), ("adapter_b", "b"), ("adapter_alt", "alt")];
        for (from, to) in names {
            copy(&workspace().join("fixtures/t5").join(from), &dir.path().join(to));
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The words of a command, in which `@` stands for the folder.
    fn words(&self, command: &str) -> Vec<String> {
        let word = |w: &str| match w.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => w.to_string(),
        };
        command.split(' ').map(word).collect()
    }

    /// Exit code, standard output and standard error, with `DIR` in place of the folder.
    fn run(&self, command: &str) -> (Option<i32>, String, String) {
        let words = self.words(command);
        let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace(&self.0.path().display().to_string(), "DIR");
            text.trim_end().to_string()
        };
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn json(&self, command: &str) -> (Option<i32>, Value) {
        let (code, stdout, stderr) = self.run(&format!("{command} --format json"));
        (code, serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{command}: {e}\n{stdout}{stderr}")))
    }

    fn values(&self, adapter: &str) -> Vec<f64> {
        tensor(&self.path(adapter).join(WEIGHTS), K)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} holds no {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

const MIX: &str = "mix --adapter @a --weight 0.3 --adapter @b --weight 0.7 --out @out";

type Formula = fn(f64, f64) -> f64;

#[test]
fn every_method_writes_its_mix() {
    let bench = Bench::new();
    let (a, b) = (bench.values("a"), bench.values("b"));
    let cases: [(&str, Formula); 3] = [
        (MIX, |a, b| 0.3 * a + 0.7 * b),
        ("mix --adapter @a --weight 0.5 --adapter @b --weight -2 --method identity --out @out", |a, b| {
            1.0 + 0.5 * (a - 1.0) - 2.0 * (b - 1.0)
        }),
        ("mix --adapter @a --adapter @b --method product --out @out", |a, b| a * b),
    ];
    for (command, formula) in cases {
        let (code, _, stderr) = bench.run(command);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "ia3 {command}");
        for (i, got) in bench.values("out").iter().enumerate() {
            let expected = formula(a[i], b[i]);
            assert!((got - expected).abs() < 1e-6, "ia3 {command}: {got} instead of {expected} at {i}");
        }
    }
    // The default of the paper keeps 4 of 24 values of each adapter, so at most 8 differ from 1.
    let ties = "mix --adapter @a --weight 1 --adapter @b --weight 1 --method ties --out @out";
    assert_eq!(bench.run(ties).0, Some(0));
    let changed = bench.values("out").iter().filter(|l| **l != 1.0).count();
    assert!((4..=8).contains(&changed), "{changed}");
    assert_eq!(bench.run(&format!("{ties} --density 1")).0, Some(0));
    assert!(bench.values("out").iter().filter(|l| **l != 1.0).count() > 20);
}

#[test]
fn a_mix_is_an_adapter_like_any_other() {
    let bench = Bench::new();
    let (code, report) = bench.json(MIX);
    assert_eq!((code, &report["vectors"], &report["parameters"]), (Some(0), &16.into(), &448.into()));
    // Adapters with the same targets keep their configuration.
    let config = fs::read_to_string(bench.path("out/adapter_config.json")).unwrap();
    assert!(config.contains("\"target_modules\": [\n    \"k\",\n    \"v\",\n    \"wo\"\n  ]"), "{config}");
    let (code, _) = bench.json("status --base @base --adapter @out");
    assert_eq!(code, Some(0));
    // The mix of adapters with different targets has all of them, with and without a base.
    let union = "mix --adapter @a --weight 0.3 --adapter @alt --weight 0.7 --method identity --out @union";
    for command in [union.to_string(), format!("{union} --base @base")] {
        let (_, report) = bench.json(&command);
        assert_eq!(report["vectors"], 22, "ia3 {command}");
        assert_eq!(bench.run("status --base @base @union").0, Some(0));
    }
}

#[test]
fn a_mix_of_one_adapter_with_weight_one_is_that_adapter() {
    let bench = Bench::new();
    for method in ["linear", "identity", "product", "ties --density 1"] {
        let (code, ..) = bench.run(&format!("mix --adapter @a --weight 1 --out @out --method {method}"));
        assert_eq!(code, Some(0));
        assert_eq!(bench.values("out"), bench.values("a"), "{method}");
    }
}

#[test]
fn targets_missing_from_the_configuration_follow_from_the_shapes() {
    let bench = Bench::new();
    let config = "{\"peft_type\": \"IA3\"}";
    fs::write(bench.path("a/adapter_config.json"), config).unwrap();
    let (code, report) = bench.json("mix --adapter @a --weight 1 --out @out");
    assert_eq!((code, &report["vectors"]), (Some(0), &16.into()));
    assert_eq!(bench.run("status --base @base @out").0, Some(0));
}

#[test]
fn adapters_of_different_bases_are_mixed_with_a_note() {
    let bench = Bench::new();
    edit(&bench.path("b/adapter_config.json"), "\"base\"", "\"other\"");
    let (code, _, stderr) = bench.run(MIX);
    assert_eq!((code, stderr.as_str()), (Some(0), "note: the adapters name different bases: base, other"));
}

#[test]
fn the_same_adapter_is_identical() {
    let bench = Bench::new();
    // PEFT writes lists in the order of their hashes, so another order is not a difference.
    let config = bench.path("a/adapter_config.json");
    edit(&config, "\"wo\",\n    \"v\",\n    \"k\"", "\"k\",\n    \"wo\",\n    \"v\"");
    copy(&workspace().join("fixtures/t5/adapter"), &bench.path("same"));
    let (code, text, _) = bench.run("diff @a @same");
    assert_eq!(code, Some(0));
    assert!(text.ends_with("\n\nthe adapters are identical"), "{text}");
    let (_, json) = bench.json("diff @a @same");
    assert_eq!((&json["identical"], &json["sites"][0]["max_abs"]), (&true.into(), &0.0.into()));
}

#[test]
fn differences_are_reported_by_site() {
    let bench = Bench::new();
    let (code, json) = bench.json("diff @a @b");
    assert_eq!(
        (code, &json["identical"], json["config"].as_array().unwrap().len()),
        (Some(1), &false.into(), 0)
    );
    let sites = json["sites"].as_array().unwrap();
    assert_eq!(sites.len(), 16);
    let site = sites.iter().find(|s| s["path"] == K[17..K.len() - 6]).unwrap();
    let (a, b) = (bench.values("a"), bench.values("b"));
    let pairs = || a.iter().zip(&b);
    let sum = |f: fn((&f64, &f64)) -> f64| pairs().map(f).sum::<f64>();
    let expected = [
        ("max_abs", pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)),
        ("mean_abs", sum(|(a, b)| (a - b).abs()) / a.len() as f64),
        ("relative_l2", (sum(|(a, b)| (a - b).powi(2)) / sum(|(a, _)| a * a)).sqrt()),
        (
            "cosine",
            sum(|(a, b)| (a - 1.0) * (b - 1.0))
                / (sum(|(a, _)| (a - 1.0).powi(2)) * sum(|(_, b)| (b - 1.0).powi(2))).sqrt(),
        ),
    ];
    for (name, expected) in expected {
        let got = site[name].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-9, "{name}: {got} instead of {expected}");
    }
    let (code, text, _) = bench.run("diff @a @alt");
    assert_eq!(code, Some(1));
    for line in [
        "feedforward_modules: [\"wo\"] in a, \".*\\\\.wo\" in b",
        "only in a: encoder.block.0.layer.0.SelfAttention.k",
        "only in b: encoder.block.0.layer.1.DenseReluDense.wi",
        "the adapters differ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    copy(&workspace().join("fixtures/t5v11/adapter"), &bench.path("v11"));
    let (_, json) = bench.json("diff @a @v11");
    let shape = &json["reshaped"][0];
    assert_eq!((&shape["a"], &shape["b"]), (&serde_json::json!([24, 1]), &serde_json::json!([20, 1])));
    copy(&workspace().join("fixtures/bert/adapter"), &bench.path("bert"));
    let (_, json) = bench.json("diff @bert @a");
    assert_eq!(json["saved"], serde_json::json!(["classifier.bias", "classifier.weight"]));
}

#[test]
fn status_lists_adapters_and_the_model_with_all_of_them() {
    let bench = Bench::new();
    copy(&bench.path("b"), &bench.path("a/second"));
    let (code, json) = bench.json("status @a --adapter @alt --base @base");
    assert_eq!(code, Some(0));
    let names: Vec<&str> =
        json["adapters"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "second", "alt"]);
    let first = &json["adapters"][0];
    assert_eq!((&first["vectors"], &first["parameters"]), (&16.into(), &448.into()));
    assert_eq!((&first["bytes"], &first["fits"]), (&3800.into(), &true.into()));
    let model = &json["model"];
    assert_eq!((&model["base_model_type"], &model["adapter_model_type"]), (&"t5".into(), &"IA3Model".into()));
    assert_eq!((&model["num_adapter_layers"], &model["enabled"]), (&22.into(), &true.into()));
    assert_eq!(model["available_adapters"], serde_json::json!(["alt", "default", "second"]));
    assert_eq!((&model["trainable_params"], &model["requires_grad"]["alt"]), (&0.into(), &false.into()));
    let text = succeed(&bench.words("status @a @b").iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn names_that_clash_are_numbered() {
    let bench = Bench::new();
    copy(&bench.path("b"), &bench.path("x/a"));
    let (_, json) = bench.json("status @a @x/a");
    assert_eq!((&json["adapters"][0]["name"], &json["adapters"][1]["name"]), (&"a".into(), &"a-2".into()));
}

#[test]
fn an_adapter_of_another_base_gives_an_exit_code_and_a_reason() {
    let bench = Bench::new();
    copy(&workspace().join("fixtures/t5v11/adapter"), &bench.path("b"));
    let (code, json) = bench.json("status --base @base @a @b");
    assert_eq!(code, Some(1));
    let reason = json["adapters"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("has shape [20, 1], expected [24, 1]"), "{reason}");
    assert_eq!(json["model"]["available_adapters"], serde_json::json!(["a"]));
}

#[test]
fn wrong_usage_gives_exit_code_2() {
    let bench = Bench::new();
    for command in [
        "mix --weight 1 --out @out",
        "mix --adapter @a --weight x --out @out",
        "diff @a",
        "status",
        "mix --adapter @a --weight 1",
    ] {
        assert_eq!(bench.run(command).0, Some(2), "ia3 {command}");
    }
}

#[test]
fn devices_are_listed_with_their_memory() {
    let json: serde_json::Value = serde_json::from_str(&succeed(&["devices", "--format", "json"])).unwrap();
    assert!(json["compiled_in"].as_array().unwrap().contains(&"flex".into()), "{json}");
    let devices = json["devices"].as_array().unwrap();
    let cpu = devices.iter().find(|device| device["backend"] == "flex").unwrap();
    let [all, free] = ["memory", "memory_available"].map(|field| cpu[field].as_u64().unwrap());
    assert!(1 << 20 < free && free <= all, "{cpu}");
    let text = succeed(&["devices"]);
    assert!(text.starts_with("compiled in: ") && text.contains("GiB of memory"), "{text}");
}
