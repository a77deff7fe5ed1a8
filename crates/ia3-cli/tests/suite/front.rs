//! What a user does first: continue an adapter, look at answers, pipe data, and be told which option helps.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::common::{ia3, run, succeed, tensor, workspace};
use serde_json::Value;

fn base() -> String {
    workspace().join("examples/base").display().to_string()
}

fn data(name: &str) -> String {
    workspace().join("examples/data").join(name).display().to_string()
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// The error of a command that has to fail.
fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "ia3 {}", args.join(" "));
    String::from_utf8(output.stderr).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}

const FAST: [&str; 8] = ["--batch-size", "16", "--lr", "0.05", "--optimizer", "adamw", "--format", "json"];

#[test]
fn an_adapter_is_trained_further_on_the_base_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (path(dir.path(), "first"), path(dir.path(), "second"));
    let (train, test) = (data("train.jsonl"), data("test.jsonl"));
    let start = ["train", "--base", &base(), "--data", &train, "--out", &first, "--steps", "10"];
    let start = json(&succeed(&[&start[..], &FAST].concat()));
    let answers = path(dir.path(), "answers.jsonl");
    let go_on = ["train", "--adapter", &first, "--data", &train, "--eval", &test, "--epochs", "1.5"];
    let options = ["--out", &second, "--predictions", &answers, "--base-name", "me/dates"];
    let report = json(&succeed(&[&go_on[..], &options, &FAST].concat()));

    let rows = std::fs::read_to_string(&train).unwrap().lines().count();
    assert_eq!(report["steps"], (1.5 * rows.div_ceil(16) as f64).ceil() as u64, "1.5 epochs of {rows} rows");
    assert!(
        report["first_loss"].as_f64().unwrap() < 0.7 * start["first_loss"].as_f64().unwrap(),
        "it starts where the first training ended: {report} after {start}"
    );
    let config = json(&std::fs::read_to_string(dir.path().join("second/adapter_config.json")).unwrap());
    assert_eq!(config["base_model_name_or_path"], "me/dates");
    let key = "base_model.model.decoder.block.0.layer.0.SelfAttention.k.ia3_l";
    let values = |name: &str| tensor(&dir.path().join(name).join("adapter_model.safetensors"), key);
    assert_ne!(values("first"), values("second"));

    let answers = lines(&std::fs::read_to_string(&answers).unwrap());
    assert_eq!(answers.len() as u64, report["evaluation"]["examples"].as_u64().unwrap());
    let right = answers.iter().filter(|answer| answer["correct"] == true).count();
    let share = report["evaluation"]["exact_match_after"].as_f64().unwrap();
    assert_eq!(right as f64 / answers.len() as f64, share);
    assert_eq!((&answers[0]["row"], &answers[0]["input"]), (&1.into(), &"date: 1980-04-10".into()));

    let same = refused(&["train", "--adapter", &first, "--data", &train, "--out", &first, "--steps", "2"]);
    assert!(same.contains("is the folder of one of the adapters"), "{same}");
    let unnamed = refused(&["train", "--adapter", &second, "--data", &train, "--out", &first]);
    assert!(
        unnamed.contains("cannot get the base that the adapter") && unnamed.contains("`me/dates`"),
        "{unnamed}"
    );
    let nothing = refused(&["eval", "--data", &test]);
    assert!(nothing.starts_with("error: there is no base; give its folder with --base"), "{nothing}");
}

#[test]
fn the_base_can_be_computed_in_another_dtype() {
    let dir = tempfile::tempdir().unwrap();
    let train = |name: &str, dtype: &str| -> f64 {
        let (base, data, out) = (base(), data("train.jsonl"), path(dir.path(), name));
        let args =
            ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "3", "--dtype", dtype];
        json(&succeed(&[&args[..], &FAST].concat()))["first_loss"].as_f64().unwrap()
    };
    let (full, half) = (train("full", "float32"), train("half", "bfloat16"));
    assert!(full != half && (full - half).abs() < 0.05 * full, "{full} {half}");
    assert_eq!(full, train("auto", "auto"), "the file is float32");
}

#[test]
fn every_prompt_is_streamed() {
    let (base, prompts) = (base(), data("prompts.txt"));
    let all = ["generate", "--base", &base, "--prompts", &prompts, "--max-new-tokens", "60"];
    let whole = succeed(&all);
    assert_eq!(whole.lines().count(), 3);
    assert_eq!(succeed(&[&all[..], &["--stream"]].concat()), whole);
    let events = lines(&succeed(&[&all[..], &["--stream", "--format", "json"]].concat()));
    let texts: Vec<&str> = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(texts, whole.lines().collect::<Vec<_>>());
    let pieces: String =
        events.iter().filter(|event| event["row"] == 2).filter_map(|event| event["piece"].as_str()).collect();
    assert_eq!(pieces, texts[1]);
    let document = json(&succeed(&[&all[..], &["--format", "json"]].concat()));
    assert_eq!(document["texts"].as_array().unwrap().len(), 3);
}

#[test]
fn tables_and_pipes_are_read_and_a_share_is_held_out() {
    let dir = tempfile::tempdir().unwrap();
    let rows = std::fs::read_to_string(data("train.jsonl")).unwrap();
    let rows: Vec<Value> = lines(&rows).into_iter().take(20).collect();
    let cell = |row: &Value, name: &str| format!("\"{}\"", row[name].as_str().unwrap());
    let table: String =
        rows.iter().map(|row| format!("{},{}\n", cell(row, "input"), cell(row, "target"))).collect();
    std::fs::write(dir.path().join("t.csv"), format!("input,target\n{table}")).unwrap();
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();

    let (base, csv) = (base(), path(dir.path(), "t.csv"));
    let with = |data: &str, out: &str, more: &[&str]| {
        let out = path(dir.path(), out);
        let args = ["train", "--base", &base, "--data", data, "--out", &out, "--steps", "2"];
        let mut command = ia3();
        let command = command.args([&args[..], more, &FAST].concat());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output: Output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json(&String::from_utf8(output.stdout).unwrap())
    };
    let (table, piped) = (with(&csv, "a", &[]), with("-", "b", &[]));
    assert_eq!(table["last_loss"], piped["last_loss"]);
    let split = with(&csv, "c", &["--eval-split", "0.2"]);
    assert_eq!(split["evaluation"]["examples"], 4);
}

#[test]
fn answers_and_figures_of_an_evaluation_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let (base, data, out) = (base(), data("test.jsonl"), path(dir.path(), "answers.jsonl"));
    let args = [
        "eval",
        "--base",
        &base,
        "--data",
        &data,
        "--predictions",
        &out,
        "--metrics",
        "rouge,bleu,perplexity",
    ];
    let report = json(&succeed(&[&args[..], &["--format", "json"]].concat()));
    let answers = lines(&std::fs::read_to_string(out).unwrap());
    assert_eq!(answers.len() as u64, report["examples"].as_u64().unwrap());
    let mut rows: Vec<u64> = answers.iter().map(|answer| answer["row"].as_u64().unwrap()).collect();
    rows.sort_unstable();
    assert_eq!(rows, (1..=answers.len() as u64).collect::<Vec<_>>());
    let run = &report["runs"][0];
    let perplexity = run["figures"]["perplexity"].as_f64().unwrap();
    assert!((perplexity - run["loss"].as_f64().unwrap().exp()).abs() < 1e-9, "{report}");
    assert!(run["figures"]["rouge1"].as_f64().unwrap() > 0.1, "the words are the same ones: {report}");
    let wrong = refused(&["eval", "--base", &base, "--data", &data, "--metrics", "f1"]);
    assert!(wrong.contains("--metrics f1 and matthews need targets that are classes or choices"), "{wrong}");
}

#[test]
fn reports_are_json_all_through_and_cards_say_where_a_mix_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let adapter = |name: &str| workspace().join("fixtures/t5").join(name).display().to_string();
    let report = json(&succeed(&["inspect", &adapter("adapter"), "--format", "json"]));
    assert_eq!(report["target_modules"], serde_json::json!(["k", "v", "wo"]));
    let (a, b, out) = (adapter("adapter"), adapter("adapter_b"), path(dir.path(), "mixed"));
    succeed(&["mix", "--adapter", &a, "--weight", "0.3", "--adapter", &b, "--weight", "0.7", "--out", &out]);
    let card = std::fs::read_to_string(dir.path().join("mixed/README.md")).unwrap();
    assert!(card.contains("Mixed by the method `linear`."), "{card}");
    assert!(
        card.contains(&format!("| `{a}` | 0.3 |")) && card.contains(&format!("| `{b}` | 0.7 |")),
        "{card}"
    );
}

#[test]
fn errors_name_the_option_that_helps() {
    let dir = tempfile::tempdir().unwrap();
    let (base, train, out) = (base(), data("train.jsonl"), path(dir.path(), "out"));
    let rate = refused(&["train", "--base", &base, "--data", &train, "--out", &out, "--lr", "-1"]);
    assert_eq!(rate, "error: `learning_rate` is -1, expected a positive number\n  hint: --lr sets it\n");
    let field = refused(&["eval", "--base", &base, "--data", &data("times.jsonl")]);
    assert!(field.contains("has no field `input`") && field.contains("hint: --input-field NAME"), "{field}");
    let tensors = workspace().join("examples/base/model.safetensors").display().to_string();
    let tensors = refused(&["eval", "--base", &base, "--data", &tensors]);
    assert!(tensors.contains("is a safetensors file, expected JSON lines"), "{tensors}");
    let texts = ["forward", "--base", &base, "--texts", &data("prompts.txt"), "--out", &out];
    assert!(refused(&texts).contains("a `t5` model needs the tokens of its decoder too"));
    let nowhere = refused(&["train", "--base", &path(dir.path(), "none"), "--data", &train, "--out", &out]);
    assert!(nowhere.contains("none/config.json") && !nowhere.contains("--inputs"), "{nowhere}");
    let device = ia3().env_remove("BURN_DEVICE").args(["devices", "--device", "cuda"]).output().unwrap();
    let device = (device.status.code(), String::from_utf8(device.stderr).unwrap());
    assert!(device.0 == Some(1) && device.1.contains("`cuda` is not compiled in"), "{device:?}");
}

/// A decoder-only base with a tokenizer and a chat template.
fn chat_base(dir: &Path) -> PathBuf {
    let to = dir.join("chat-base");
    std::fs::create_dir(&to).unwrap();
    let copy =
        |from: &str, name: &str| std::fs::copy(workspace().join(from).join(name), to.join(name)).unwrap();
    copy("fixtures/llama/base", "config.json");
    copy("fixtures/llama/base", "model.safetensors");
    copy("examples/base", "tokenizer.json");
    std::fs::write(to.join("tokenizer_config.json"), r#"{"eos_token": "</s>"}"#).unwrap();
    std::fs::write(to.join("generation_config.json"), r#"{"eos_token_id": [1, 2]}"#).unwrap();
    let template = "{% for m in messages %}{{ m.role[0] }}: {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}a: {% endif %}";
    std::fs::write(to.join("chat_template.jinja"), template).unwrap();
    to
}

#[test]
fn a_chat_model_is_trained_asked_and_talked_with() {
    let dir = tempfile::tempdir().unwrap();
    let base = chat_base(dir.path()).display().to_string();
    let chat = |question: &str, answer: &str| {
        format!(
            "{{\"messages\": [{{\"role\": \"user\", \"content\": \"{question}\"}}, {{\"role\": \"assistant\", \"content\": \"{answer}\"}}]}}\n"
        )
    };
    let rows = chat("hi", "a") + &chat("ho", "a");
    std::fs::write(dir.path().join("chats.jsonl"), rows).unwrap();
    let (data, out) = (path(dir.path(), "chats.jsonl"), path(dir.path(), "polite"));
    let train =
        ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "60", "--batch-size", "2"];
    let output = run(&[&train[..], &["--lr", "0.3", "--preset", "chat"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("the rows of"), "{said}");
    assert!(said.contains("are chats (`messages`)"), "{said}");
    let report = String::from_utf8(output.stdout).unwrap();
    let losses = report.split("loss ").nth(1).unwrap();
    let (first, last) = losses.lines().next().unwrap().split_once(" -> ").unwrap();
    let number = |text: &str| text.parse::<f64>().unwrap();
    assert!(number(last) < 0.5 * number(first), "{report}");
    let config = std::fs::read_to_string(dir.path().join("polite/adapter_config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let names = |field: &str| -> Vec<&str> {
        config[field].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect()
    };
    assert!(names("feedforward_modules").iter().all(|name| name.ends_with("down_proj")), "{config}");
    assert_eq!((names("target_modules").len(), names("feedforward_modules").len()), (14, 2), "{config}");

    let ask = ["generate", "--base", &base, "--user", "hi", "--system", "s", "--max-new-tokens", "4"];
    let of_base = succeed(&ask);
    let of_adapter = succeed(&[&ask[..], &["--adapter", &out]].concat());
    assert_ne!(of_base, of_adapter);
    assert!(!of_base.contains("hi"), "only the answer is printed: {of_base}");

    let talk = |lines: &str| {
        let args = ["chat", "--base", &base, "--adapter", &format!("polite={out}"), "--system", "s"];
        let mut child = ia3()
            .args([&args[..], &["--max-new-tokens", "4"]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = talk("hi\n/base\n/reset\nhi\n/adapter polite\n/reset\nhi\n/quit\nhi\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, format!("{of_adapter}{of_base}{of_adapter}"));
    let unknown = talk("/adapter rude\n");
    let unknown = (unknown.status.code(), String::from_utf8(unknown.stderr).unwrap());
    assert!(
        unknown.0 == Some(1) && unknown.1.contains("there is no adapter `rude`; adapters: `polite`"),
        "{unknown:?}"
    );
    let none = refused(&["generate", "--base", &self::base(), "--user", "hi"]);
    assert!(none.contains("has no chat template"), "{none}");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = succeed(&["completions", shell]);
        assert!(text.contains("quantize") && text.contains("max-new-tokens"), "{shell}");
    }
    if cfg!(unix) {
        let script = dir.path().join("ia3.bash");
        std::fs::write(&script, succeed(&["completions", "bash"])).unwrap();
        let complete = format!(
            ". {}; COMP_WORDS=(ia3 gen); COMP_CWORD=1; _ia3 ia3 gen ia3; echo ${{COMPREPLY[@]}}",
            script.display()
        );
        match std::process::Command::new("bash").args(["-c", &complete]).output() {
            Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "generate\n"),
            Err(_) => ia3_testing::skip("completions are tried in `bash`"),
        }
    }
    let out = path(dir.path(), "man");
    succeed(&["man", "--out", &out]);
    let page = std::fs::read_to_string(dir.path().join("man/ia3-train.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("gradient"), "{page}");
    assert!(dir.path().join("man/ia3.1").exists() && dir.path().join("man/ia3-chat.1").exists());
}

#[test]
fn quiet_says_nothing_but_errors_and_verbose_says_what_took_time() {
    let dir = tempfile::tempdir().unwrap();
    let (base, data) = (base(), data("train.jsonl"));
    let train = |name: &str, option: &str| {
        let out = path(dir.path(), name);
        let args =
            ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "2", "--eval-split", "0.1"];
        let output = run(&[&args[..], &FAST, &[option]].concat());
        assert!(output.status.success());
        assert_eq!(json(&String::from_utf8(output.stdout).unwrap())["steps"], 2);
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(train("quiet", "--quiet"), "");
    let said = train("verbose", "--verbose");
    assert!(said.contains("loading the base took ") && said.contains("evaluating took "), "{said}");
    assert!(said.contains("before the training: held-out loss "), "{said}");
}
