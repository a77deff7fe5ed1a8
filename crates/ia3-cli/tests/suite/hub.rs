//! Names of the hub on the command line, on a server on loopback.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{ia3, workspace};
use crate::server::{HubServer, WRITE_TOKEN};

const TEMPLATE: &str = "{% for m in messages %}{{ m.role[0] }}: {{ m.content }}{{ eos_token }}{% endfor %}\
     {% if add_generation_prompt %}a: {% endif %}";

/// A hub with a small chat model `me/tiny-chat`.
fn chat_hub() -> HubServer {
    let read = |path: &str| std::fs::read(workspace().join(path)).unwrap();
    let (config, weights) =
        (read("fixtures/llama/base/config.json"), read("fixtures/llama/base/model.safetensors"));
    let tokenizer = read("examples/base/tokenizer.json");
    let server = HubServer::start();
    let files: [(&str, &[u8]); 7] = [
        ("README.md", b"# tiny"),
        ("config.json", &config),
        ("model.safetensors", &weights),
        ("tokenizer.json", &tokenizer),
        ("tokenizer_config.json", br#"{"eos_token": "</s>"}"#),
        ("generation_config.json", br#"{"eos_token_id": [1, 2]}"#),
        ("chat_template.jinja", TEMPLATE.as_bytes()),
    ];
    server.add("me/tiny-chat", &files);
    server
}

/// The program in an empty folder of a new user, with this hub.
fn user(server: &HubServer, dir: &Path) -> Command {
    let mut command = ia3();
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", server.endpoint());
    command.env("HF_HOME", dir.join("hf")).env_remove("HF_HUB_CACHE").current_dir(dir);
    command
}

fn succeed(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn talk(command: &mut Command, lines: &str) -> Output {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Twenty conversations.
fn chats() -> String {
    let row = |n: usize| {
        let question = if n.is_multiple_of(2) { "hi" } else { "ho" };
        format!(
            "{{\"messages\": [{{\"role\": \"user\", \"content\": \"{question}\"}}, \
             {{\"role\": \"assistant\", \"content\": \"a\"}}]}}\n"
        )
    };
    (0..20).map(row).collect()
}

#[test]
fn a_new_user_trains_talks_and_merges_from_an_empty_folder() {
    let (server, dir) = (chat_hub(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("chats.jsonl"), chats()).unwrap();
    let train =
        ["train", "--base", "me/tiny-chat", "--data", "chats.jsonl", "--out", "polite", "--steps", "60"];
    let how = ["--lr", "0.3", "--optimizer", "adamw", "--target", "all-linear", "--batch-size", "2"];
    let (report, said) = succeed(user(&server, dir.path()).args(train).args(how));
    assert!(said.contains(&format!("`me/tiny-chat` is commit {}", server.commit("me/tiny-chat"))), "{said}");
    let losses = report.split("loss ").nth(1).unwrap().lines().next().unwrap();
    let (first, last) = losses.split_once(" -> ").unwrap();
    let number = |text: &str| text.parse::<f64>().unwrap();
    assert!(number(last) < 0.5 * number(first), "{report}");
    let config = std::fs::read_to_string(dir.path().join("polite/adapter_config.json")).unwrap();
    assert!(config.contains(r#""base_model_name_or_path": "me/tiny-chat""#), "{config}");

    // The adapter names its base, and the cache has it.
    let mut chat = user(&server, dir.path());
    chat.env("HF_HUB_OFFLINE", "1").args(["chat", "--adapter", "polite", "--max-new-tokens", "4"]);
    let chat = talk(&mut chat, "hi\n/base\n/reset\nhi\n");
    let said = String::from_utf8_lossy(&chat.stderr);
    assert!(chat.status.success(), "{said}");
    let answers = String::from_utf8(chat.stdout).unwrap();
    let (of_adapter, of_base) = answers.trim_end().split_once('\n').expect("two answers");
    assert_ne!(of_adapter, of_base, "{said}");

    succeed(user(&server, dir.path()).args(["merge", "--adapter", "polite", "--out", "merged"]));
    let ask = ["generate", "--base", "merged", "--user", "hi", "--max-new-tokens", "4"];
    assert_eq!(succeed(user(&server, dir.path()).args(ask)).0.trim_end(), of_adapter, "the merged model");

    // What was trained is an adapter of the hub for the next one, who has nothing but its name.
    let push = ["push", "polite", "me/polite", "--message", "the first"];
    let (report, said) = succeed(user(&server, dir.path()).env("HF_TOKEN", WRITE_TOKEN).args(push));
    assert!(report.starts_with("3 files uploaded to ") && !said.contains("note:"), "{report}{said}");
    let card = String::from_utf8(server.file("me/polite", "README.md").unwrap()).unwrap();
    assert!(card.contains("base_model: me/tiny-chat"), "{card}");
    let next = tempfile::tempdir().unwrap();
    let ask = ["generate", "--adapter", "me/polite@main", "--user", "hi", "--max-new-tokens", "4"];
    assert_eq!(
        succeed(user(&server, next.path()).args(ask)).0.trim_end(),
        of_adapter,
        "by the name on the hub"
    );
}

#[test]
fn an_adapter_with_weights_of_pytorch_is_pushed_as_it_is() {
    let (server, dir) = (chat_hub(), tempfile::tempdir().unwrap());
    let adapter = workspace().join("fixtures/formats/t5v11/peft_bin");
    let push = ["push", adapter.to_str().unwrap(), "me/pickled"];
    let (report, said) = succeed(user(&server, dir.path()).env("HF_TOKEN", WRITE_TOKEN).args(push));
    assert!(report.starts_with("2 files uploaded to "), "{report}");
    assert!(said.contains("the weights are a pickle, adapter_model.bin"), "{said}");
    for name in ["adapter_config.json", "adapter_model.bin"] {
        let file = std::fs::read(adapter.join(name)).unwrap();
        assert_eq!(server.file("me/pickled", name).unwrap(), file, "{name}");
    }
    let weights = adapter.join("adapter_model.bin");
    let push = ["push", weights.to_str().unwrap(), "me/pickled"];
    let output = user(&server, dir.path()).env("HF_TOKEN", WRITE_TOKEN).args(push).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("is not the folder of an adapter"), "{message}");
}

#[test]
fn two_processes_download_every_file_once() {
    let (server, dir) = (chat_hub(), tempfile::tempdir().unwrap());
    let start = || {
        let mut command = user(&server, dir.path());
        command
            .args(["inspect", "me/tiny-chat"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [start(), start()];
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    assert_eq!(server.log().iter().filter(|line| line.starts_with("store GET")).count(), 1);
}

#[test]
fn a_folder_of_the_name_wins_and_a_missing_one_is_explained() {
    let (server, dir) = (chat_hub(), tempfile::tempdir().unwrap());
    let output = user(&server, dir.path()).args(["inspect", "me/nothing"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("there is no folder `me/nothing` here") && said.contains("HF_TOKEN"), "{said}");
    server.clear_log();
    let here = dir.path().join("me/tiny-chat");
    std::fs::create_dir_all(&here).unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(workspace().join("fixtures/t5/base").join(file), here.join(file)).unwrap();
    }
    assert!(succeed(user(&server, dir.path()).args(["inspect", "me/tiny-chat"])).0.contains("t5"));
    assert_eq!(server.log(), [""; 0]);
}
