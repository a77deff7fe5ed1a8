//! A server on a free port of this machine, and a client of it.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use ia3::GenerationFile;
use ia3::data::ChatTemplate;
use ia3_serve::{App, EngineOptions, Engines, ServerOptions, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::common::{Case, copy_of_adapters};
use crate::text::llama_with_words;

/// It renders messages as words of the tokenizer.
const TEMPLATE: &str =
    "{% for m in messages %}{{ m.content }} {% endfor %}{% if add_generation_prompt %}w7{% endif %}";

pub(crate) struct Server {
    pub(crate) case: Case,
    pub(crate) engines: Engines,
    pub(crate) adapters: TempDir,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    _base: TempDir,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The message of an error, its type, and the field that it names.
    pub(crate) fn error(&self) -> (String, String, Option<String>) {
        let error = self.json()["error"].take();
        let text = |name: &str| error[name].as_str().map(str::to_string);
        match (text("message"), text("type")) {
            (Some(message), Some(kind)) => (message, kind, text("param")),
            _ => panic!("no error: {self:?}"),
        }
    }

    /// The values of a stream, without its end, which has to be there.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut events: Vec<&str> =
            self.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(events.pop(), Some("[DONE]"));
        events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

impl Server {
    /// A server for the tiny Llama, whose tokenizer has the words `w0` to `w95`.
    pub(crate) fn start(options: EngineOptions, change: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        let (base, case) = llama_with_words();
        Self::of(case, base, options, change)
    }

    /// A server for the base of a case.
    pub(crate) fn of(
        case: Case,
        base: TempDir,
        options: EngineOptions,
        change: impl FnOnce(ServerOptions) -> ServerOptions,
    ) -> Self {
        let adapters = copy_of_adapters(&case.dir);
        let (engines, mut threads) =
            Engines::start(case.base.clone(), Some(adapters.path().into()), options).unwrap();
        // Greedy and without an end, so that answers can be compared.
        let file: GenerationFile =
            serde_json::from_str(r#"{"temperature": 0, "eos_token_id": 60000}"#).unwrap();
        let server = ServerOptions::new("tiny")
            .with_template(ChatTemplate::new(TEMPLATE, []).unwrap())
            .with_generation(file);
        let app = App::new(engines.clone(), change(server));
        let (stop, stopped) = oneshot::channel();
        let (sender, receiver) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let stop = async {
                    let _ = stopped.await;
                };
                serve(listener, app, stop).await.unwrap();
            });
        });
        let address = receiver.recv().unwrap();
        threads.insert(0, server);
        Self { case, engines, adapters, address, stop: Some(stop), threads, _base: base }
    }

    /// Tells the server to end, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.tell_to_stop();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }

    pub(crate) fn tell_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap();
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answered {
        answered(agent().get(format!("http://{}{path}", self.address)).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answered {
        self.post_text(path, &body.to_string(), None)
    }

    pub(crate) fn post_text(&self, path: &str, body: &str, key: Option<&str>) -> Answered {
        let mut request = agent().post(format!("http://{}{path}", self.address));
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        answered(request.header("Content-Type", "application/json").send(body))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn answered(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answered {
    let mut response = result.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_string());
    Answered {
        status: response.status().as_u16(),
        retry_after,
        text: response.body_mut().read_to_string().unwrap(),
    }
}
