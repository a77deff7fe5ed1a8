//! Bases, folders of adapters, and requests that run to their end.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3::models::GenerationConfig;
use ia3::{Model, Task};
use ia3_serve::{End, Engine, EngineOptions, Event, Request, ServeError, Token};
use ia3_testing::{case_dirs, corpus, fixture};
use tempfile::TempDir;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) const ADAPTERS: [Option<&str>; 4] =
    [None, Some("adapter"), Some("adapter_b"), Some("adapter_alt")];

/// A case of the corpus: its folder and the base.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) base: Model,
}

/// The cases of the corpus whose base reads texts and has a task for which `wanted` is true.
pub(crate) fn cases(wanted: impl Fn(Task) -> bool) -> Vec<Case> {
    let case = |dir: PathBuf| {
        let base = Model::from_pretrained(dir.join("base"), &Device::flex()).unwrap();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        (wanted(base.task()) && base.module().image().is_none()).then_some(Case { name, dir, base })
    };
    case_dirs(&corpus()).into_iter().filter_map(case).collect()
}

/// All decoders of the corpus.
pub(crate) fn decoders() -> Vec<Case> {
    let decoders = cases(|task| task == Task::CausalLm);
    assert!(decoders.len() >= 18, "{} decoders", decoders.len());
    decoders
}

/// All encoder-decoders of the corpus.
pub(crate) fn encoder_decoders() -> Vec<Case> {
    let cases = cases(|task| task == Task::Seq2SeqLm);
    assert!(cases.len() >= 6, "{} encoder-decoders", cases.len());
    cases
}

/// The tiny T5.
pub(crate) fn t5() -> Case {
    let dir = fixture("t5");
    let base = Model::from_pretrained(dir.join("base"), &Device::flex()).unwrap();
    Case { name: "t5".into(), dir, base }
}

/// The tiny Llama.
pub(crate) fn llama() -> Case {
    let dir = fixture("llama");
    let base = Model::from_pretrained(dir.join("base"), &Device::flex()).unwrap();
    Case { name: "llama".into(), dir, base }
}

impl Case {
    /// An engine with few rows and few tokens a pass, so that rows wait, and prompts are read in parts.
    pub(crate) fn busy_engine(&self) -> Engine {
        self.engine(options().with_rows(3).with_pass_tokens(4))
    }

    pub(crate) fn engine(&self, options: EngineOptions) -> Engine {
        let most = self.base.module().longest_sequence().unwrap_or(usize::MAX);
        let options = options.with_tokens(options.tokens.min(most));
        Engine::new(self.base.clone(), Some(self.dir.clone()), options).unwrap()
    }

    /// A greedy request that does not end early, with the log-probabilities of all tokens.
    pub(crate) fn request(&self, prompt: Vec<i64>, adapter: Option<&str>, new: usize) -> Request {
        Request::new(prompt, self.config(new))
            .with_adapter(adapter.map(str::to_string))
            .with_top_logprobs(self.base.module().vocab_size())
    }

    pub(crate) fn config(&self, new: usize) -> GenerationConfig {
        self.base.module().generation_config(new).with_min_new_tokens(new)
    }

    /// Requests of all kinds: short and long prompts, few and many new tokens, with each adapter.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let vocab = self.base.module().vocab_size() as i64;
        let prompt =
            |n: usize, seed: usize| (0..n).map(|i| ((i * 7 + seed * 13 + 3) as i64) % vocab).collect();
        let request = |i: usize| self.request(prompt(1 + i * 5 % 8, i), ADAPTERS[i % 4], 2 + i * 3 % 5);
        (0..8).map(request).collect()
    }
}

pub(crate) fn options() -> EngineOptions {
    EngineOptions::new().with_rows(1).with_tokens(16).with_adapters(4)
}

/// A folder with copies of the adapters of a case.
pub(crate) fn copy_of_adapters(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ADAPTERS.iter().flatten() {
        copy_adapter(&dir.join(name), &copy.path().join(name));
    }
    copy
}

/// Copies an adapter to a folder, over what is there.
pub(crate) fn copy_adapter(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) tokens: Vec<Token>,
    pub(crate) end: Result<End, ServeError>,
}

impl Answer {
    pub(crate) fn ids(&self) -> Vec<i64> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    pub(crate) fn text(&self) -> String {
        let pieces: String = self.tokens.iter().map(|token| token.text.as_str()).collect();
        pieces + &self.end.as_ref().unwrap().text
    }

    /// The bits of the log-probabilities of all tokens of the vocabulary at each step, by id.
    pub(crate) fn bits(&self) -> Vec<Vec<(i64, u32)>> {
        let of_step = |token: &Token| {
            let (_, all) = token.logprobs.as_ref().unwrap();
            let mut all: Vec<(i64, u32)> = all.iter().map(|l| (l.id, l.logprob.to_bits())).collect();
            all.sort_unstable();
            all
        };
        self.tokens.iter().map(of_step).collect()
    }
}

/// A request that was submitted, and what has come of it so far.
pub(crate) struct Running {
    receiver: UnboundedReceiver<Event>,
    tokens: Vec<Token>,
}

pub(crate) fn submit(engine: &mut Engine, request: Request) -> Running {
    let (sender, receiver) = unbounded_channel();
    engine.submit(request, sender).unwrap();
    Running { receiver, tokens: vec![] }
}

impl Running {
    /// The answer, once it is complete.
    pub(crate) fn poll(&mut self) -> Option<Answer> {
        loop {
            let end = match self.receiver.try_recv() {
                Ok(Event::Token(token)) => {
                    self.tokens.push(token);
                    continue;
                }
                Ok(Event::End(end)) => Ok(end),
                Ok(Event::Failed(error)) => Err(error),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => panic!("the engine forgot a request"),
            };
            return Some(Answer { tokens: std::mem::take(&mut self.tokens), end });
        }
    }

    /// The tokens so far.
    pub(crate) fn count(&mut self) -> usize {
        assert!(self.poll().is_none(), "it still runs");
        self.tokens.len()
    }

    /// Runs the engine until the answer is complete.
    pub(crate) fn finish(mut self, engine: &mut Engine) -> Answer {
        loop {
            if let Some(answer) = self.poll() {
                return answer;
            }
            // A step that only refuses requests leaves nothing to do.
            let goes_on = engine.step();
            if let Some(answer) = self.poll() {
                return answer;
            }
            assert!(goes_on, "nothing to do, but a request is not answered");
        }
    }
}

/// The answer of an engine that runs nothing else.
pub(crate) fn run(engine: &mut Engine, request: Request) -> Answer {
    submit(engine, request).finish(engine)
}

/// The answers to requests of which a new one comes after every other step.
pub(crate) fn run_all(engine: &mut Engine, requests: Vec<Request>) -> Vec<Answer> {
    let mut running = vec![];
    for request in requests {
        running.push(submit(engine, request));
        engine.step();
        engine.step();
    }
    running.into_iter().map(|request| request.finish(engine)).collect()
}
