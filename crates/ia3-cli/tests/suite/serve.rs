//! `ia3 serve` from start to end, over HTTP on a free port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use ia3_testing::fixture;
use serde_json::Value;

#[cfg(feature = "hub")]
use crate::server::{Access, HubServer, SendFault};

/// A server that is stopped with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Serves the tiny Llama of the corpus and the adapters beside it.
    fn start(rows: [&str; 2]) -> Self {
        Self::with_stderr(rows, Stdio::null())
    }

    fn with_stderr(rows: [&str; 2], stderr: Stdio) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_ia3")), &rows, stderr)
    }

    /// The server of a command, which may have an environment of its own.
    fn of(mut command: Command, options: &[&str], stderr: Stdio) -> Self {
        let dir = fixture("llama");
        let mut child = command
            .args(["serve", "--port", "0", "--tokens", "32", "--model-name", "tiny"])
            .args(options)
            .arg("--base")
            .arg(dir.join("base"))
            .arg("--adapters")
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
            address = line.trim().split_once("http://").map(|(_, address)| address.to_string());
        }
        Self { child, address: address.unwrap() }
    }

    /// The status and the body of the response.
    fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let body = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// The number of tokens that were read for a completion under this model.
    fn tokens_read(&self, model: &str) -> Option<u64> {
        let request =
            format!(r#"{{"model": "{model}", "prompt": [3, 5, 7], "max_tokens": 4, "temperature": 0}}"#);
        let (status, answer) = self.send("POST", "/v1/completions", &request);
        assert_eq!(status, 200, "{answer}");
        answer["usage"]["prompt_tokens"].as_u64()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_base_and_its_adapters_are_served_until_the_process_is_told_to_end() {
    let mut server = Server::start(["--rows", "4"]);
    let (status, models) = server.send("GET", "/v1/models", "");
    let names: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(status, 200);
    assert_eq!(names[0], "tiny");
    assert!(names.contains(&"adapter"), "{names:?}");
    for model in ["tiny", "adapter"] {
        assert_eq!(server.tokens_read(model), Some(3), "{model}");
    }
    let (status, error) = server.send("POST", "/v1/completions", r#"{"model": "other", "prompt": [3]}"#);
    assert_eq!((status, error["error"]["param"].as_str()), (404, Some("model")), "{error}");
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_public_address_needs_a_key() {
    let output = Command::new(env!("CARGO_BIN_EXE_ia3"))
        .args(["serve", "--host", "0.0.0.0", "--base"])
        .arg(fixture("llama").join("base"))
        .env_remove("IA3_API_KEY")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("IA3_API_KEY"), "{message}");
}

/// What the program says when it cannot serve the tiny Llama with these options.
fn refused(options: &[&str]) -> String {
    let serve = ["serve", "--port", "0", "--tokens", "32", "--base"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_ia3"));
    let output = command.args(serve).arg(fixture("llama").join("base")).args(options).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn memory_for_keys_and_values_says_how_many_rows_run() {
    let small = refused(&["--max-memory", "3KiB"]);
    assert!(small.contains("`max_memory` is 3.00 KiB, but a row of 32 tokens takes "), "{small}");
    assert!(refused(&["--max-memory", "8G"]).contains("such as 8GiB"));
    let server = Server::start(["--max-memory", "100KB"]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    let rows: f64 = metrics.lines().find_map(|line| line.strip_prefix("ia3_rows ")).unwrap().parse().unwrap();
    assert!((1.0..256.0).contains(&rows), "{rows} rows");
    assert_eq!(server.tokens_read("adapter"), Some(3));
}

#[cfg(feature = "hub")]
#[test]
fn names_on_the_hub_are_refused_unless_the_option_is_given() {
    let server = Server::start(["--rows", "1"]);
    let request = r#"{"model": "user/name@v1", "prompt": [3], "max_tokens": 1}"#;
    let (status, error) = server.send("POST", "/v1/completions", request);
    let message = error["error"]["message"].as_str().unwrap();
    assert_eq!((status, error["error"]["code"].as_str()), (403, Some("hub_not_allowed")), "{error}");
    assert!(message.contains("`user/name@v1`") && message.contains("--hub-adapters"), "{message}");
}

/// The text of a completion under a model, or the message of the error.
#[cfg(feature = "hub")]
fn answer(server: &Server, model: &str) -> (u16, String) {
    let request =
        format!(r#"{{"model": "{model}", "prompt": [3, 5, 7], "max_tokens": 6, "temperature": 0}}"#);
    let (status, answer) = server.send("POST", "/v1/completions", &request);
    let text = if status == 200 { &answer["choices"][0]["text"] } else { &answer["error"]["message"] };
    (status, text.as_str().unwrap_or_else(|| panic!("{answer}")).to_string())
}

/// An adapter is downloaded when a request first names it, also if a transfer breaks; one that cannot be read is refused by name.
#[cfg(feature = "hub")]
#[test]
fn adapters_on_the_hub_are_downloaded_when_a_request_names_them() {
    let (hub, home) = (HubServer::start(), tempfile::tempdir().unwrap());
    let adapter = |name: &str| fixture("llama").join(name);
    hub.add_folder("user/one", &adapter("adapter_b"));
    hub.add_folder("user/closed", &adapter("adapter"));
    hub.set_access("user/closed", Access::Gated("a token"));
    hub.set_fault("adapter_model.safetensors", SendFault::Break(100, 1));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ia3"));
    command.env_remove("HF_HUB_OFFLINE").env_remove("HF_TOKEN").env_remove("HF_HUB_CACHE");
    command.env("HF_ENDPOINT", hub.endpoint()).env("HF_HOME", home.path());
    let server = Server::of(command, &["--hub-adapters"], Stdio::null());
    let expected = answer(&server, "adapter_b");
    assert_eq!((expected.0, answer(&server, "user/one")), (200, expected.clone()));
    let downloads = hub.log().len();
    assert_eq!(answer(&server, "user/one"), expected);
    assert_eq!(answer(&server, &format!("user/one@{}", hub.commit("user/one"))), expected);
    assert!(hub.log().len() <= downloads + 2, "{:?}", hub.log());
    let (status, message) = answer(&server, "user/closed");
    assert!(status == 422 && message.contains("user/closed"), "{status} {message}");
    let (status, message) = answer(&server, "user/none");
    assert!(status == 422 && message.contains("user/none"), "{status} {message}");
    // The server goes on.
    assert_eq!(answer(&server, "adapter_b"), expected);
}

/// Every write to it fails as on a full disk.
#[cfg(target_os = "linux")]
fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_for_logs_stops_no_answer() {
    for log in ["text", "json"] {
        let server = Server::with_stderr(["--log", log], full());
        for model in ["tiny", "adapter"] {
            assert_eq!(server.tokens_read(model), Some(3));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_for_messages_leaves_the_status_of_a_command() {
    let mut inspect = Command::new(env!("CARGO_BIN_EXE_ia3"));
    let status = inspect.args(["inspect", "no-such-folder"]).stderr(full()).stdout(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(1));
}
