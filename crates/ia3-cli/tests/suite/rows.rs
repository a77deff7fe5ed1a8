//! `--adapter NAME=DIR` and `--rows`: every row equals the row that runs alone with its adapter.

use std::path::Path;

use crate::common::{run, shape, succeed, tensor, workspace};

/// The largest allowed difference of a logit.
const TOLERANCE: f64 = 1e-5;

fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_string).collect()
}

fn ia3(command: &str) -> String {
    succeed(&words(command).iter().map(String::as_str).collect::<Vec<_>>())
}

fn refused(command: &str) -> String {
    let output = run(&words(command).iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{command}");
    String::from_utf8(output.stderr).unwrap().trim().to_string()
}

fn row(path: &Path, name: &str, i: usize) -> Vec<f64> {
    let values = tensor(path, name);
    let width = values.len() / shape(path, name)[0];
    values[i * width..(i + 1) * width].to_vec()
}

/// The arguments for the adapter of this name; empty for `__base__`.
fn single(dir: &str, name: &str) -> String {
    if name == "__base__" { String::new() } else { format!("--adapter {dir}/{name}") }
}

#[test]
fn every_row_of_tensors_uses_its_adapter() {
    let out = tempfile::tempdir().unwrap();
    let (mixed, alone) = (out.path().join("mixed"), out.path().join("alone"));
    let [m, a] = [&mixed, &alone].map(|path| path.display());
    for (case, generates) in [
        ("t5", true),
        ("gpt2", true),
        ("falcon40b", true),
        ("llama", true),
        ("gpt_neox", true),
        ("bert", false),
    ] {
        let dir = workspace().join("fixtures").join(case).display().to_string();
        let inputs = format!("--base {dir}/base --inputs {dir}/io.safetensors");
        let count = shape(Path::new(&format!("{dir}/io.safetensors")), "input_ids")[0];
        let names: Vec<&str> =
            ["adapter_b", "__base__", "adapter", "adapter_alt"].into_iter().cycle().take(count).collect();
        let named = |name: &str| format!("--adapter {name}={dir}/{name}");
        let adapters = ["adapter", "adapter_b", "adapter_alt"].map(named).join(" ");
        let rows = format!("{adapters} --rows {}", names.join(","));
        ia3(&format!("forward {inputs} {rows} --out {m}"));
        for (i, name) in names.iter().enumerate() {
            ia3(&format!("forward {inputs} {} --out {a}", single(&dir, name)));
            let (got, expected) = (row(&mixed, "logits", i), row(&alone, "logits", i));
            let worst = got.iter().zip(&expected).map(|(g, e)| (g - e).abs()).fold(0.0, f64::max);
            assert!(worst <= TOLERANCE, "{case} row {i} {name}: {worst}");
        }
        if generates {
            ia3(&format!("generate {inputs} {rows} --max-new-tokens 5 --min-new-tokens 5 --out {m}"));
            for (i, name) in names.iter().enumerate() {
                let adapter = single(&dir, name);
                let limits = "--max-new-tokens 5 --min-new-tokens 5";
                ia3(&format!("generate {inputs} {adapter} {limits} --out {a}"));
                assert_eq!(row(&mixed, "ids", i), row(&alone, "ids", i), "{case} row {i} {name}");
            }
        }
    }
}

#[test]
fn every_text_uses_its_adapter_with_any_batch_size() {
    let dir = tempfile::tempdir().unwrap();
    let (d, base) = (dir.path().display(), workspace().join("examples/base").display().to_string());
    let line = |input: &str, target: &str| format!("{{\"input\": \"{input}\", \"target\": \"{target}\"}}\n");
    std::fs::write(dir.path().join("one.jsonl"), line("date: 2009-05-31", "aaa")).unwrap();
    std::fs::write(dir.path().join("two.jsonl"), line("date: 2009-05-31", "zz")).unwrap();
    for name in ["one", "two"] {
        ia3(&format!("train --base {base} --data {d}/{name}.jsonl --out {d}/{name} --steps 12 --lr 0.3"));
    }
    let prompts = ["date: 2009-05-31", "date: 1987-01-02", "12", "date: 2009-05-31", "date: 2009-05-31"];
    std::fs::write(dir.path().join("prompts"), prompts.join("\n")).unwrap();
    let model = format!("--base {base} --adapter 1={d}/one --adapter 2={d}/two");
    let rows = "--rows 1,2,__base__,2,__base__";
    let limits = "--max-new-tokens 12";
    let texts = |batch: usize| -> Vec<String> {
        let out =
            ia3(&format!("generate {model} {rows} --prompts {d}/prompts {limits} --batch-size {batch}"));
        out.lines().map(str::to_string).collect()
    };
    let got = texts(5);
    for (i, (prompt, name)) in prompts.iter().zip(["one", "two", "", "two", ""]).enumerate() {
        std::fs::write(dir.path().join("prompt"), prompt).unwrap();
        let adapter = if name.is_empty() { String::new() } else { format!("--adapter {d}/{name}") };
        let alone = ia3(&format!("generate --base {base} {adapter} --prompts {d}/prompt {limits}"));
        assert_eq!(got[i], alone.trim_end(), "row {i}");
    }
    assert_ne!(got[3], got[4], "the adapter makes a difference");
    assert_eq!(texts(2), got);
    assert_eq!(texts(1), got);
}

#[test]
fn names_that_do_not_fit_the_rows_are_refused() {
    let fixtures = workspace().join("fixtures").display().to_string();
    let t5 = format!("{fixtures}/t5");
    let inputs = format!("forward --base {t5}/base --inputs {t5}/io.safetensors --out {t5}/never");
    let rows = shape(Path::new(&format!("{t5}/io.safetensors")), "input_ids")[0];
    let names = |name: &str, count| vec![name; count].join(",");
    let cases = [
        (
            format!("--adapter a={t5}/adapter --rows a"),
            format!(
                "error: `--rows` has names for 1 row, but the input has {rows} rows; give one name per row"
            ),
        ),
        (
            format!("--adapter a={t5}/adapter --rows {}", names("b", rows)),
            "error: there is no adapter `b`; known are a".into(),
        ),
        (
            format!("--adapter {t5}/adapter --rows {}", names("a", rows)),
            format!(
                "error: `--adapter {t5}/adapter` has no name, which `--rows` needs; write `--adapter NAME={t5}/adapter`"
            ),
        ),
        (
            format!("--adapter a={t5}/adapter"),
            format!(
                "error: `--adapter a={t5}/adapter` has a name, which only `--rows` uses; add `--rows`, or give the folder alone"
            ),
        ),
        (
            format!("--adapter a={t5}/adapter --adapter a={t5}/adapter_b --rows {}", names("a", rows)),
            "error: an adapter `a` exists already; choose another name, or delete that adapter first".into(),
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(refused(&format!("{inputs} {arguments}")), expected);
        assert!(!Path::new(&format!("{t5}/never")).exists());
    }
}
