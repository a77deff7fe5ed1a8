use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ia3::data::ChatTemplate;
use ia3::{GenerationFile, SentenceConfig};

use crate::engines::Engines;

/// What a server is told beside its engines.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The name under which the base is a model.
    pub base_name: String,
    /// The key that requests have to have, if any.
    pub api_key: Option<String>,
    /// The chat template of the base, if it has one.
    pub template: Option<ChatTemplate>,
    /// The defaults of generation.
    pub generation: GenerationFile,
    /// How texts are embedded.
    pub sentence: SentenceConfig,
    /// Whether requests may load and unload adapters.
    pub allow_loading: bool,
    /// The largest body of a request in bytes.
    pub body_limit: usize,
    /// The most connections at a time. A further one takes the place of the one that has waited longest for a request, or waits if
    /// all are being answered.
    pub connections: usize,
    /// How long a client may take to send the head of a request, to send the next part of its body, to ask again on a connection, and to
    /// take anything of an answer.
    pub patience: Duration,
}

impl ServerOptions {
    /// A server whose base has this name, without a key, with bodies of up to 2 MiB and up to 512 connections at a time, and clients that may
    /// take 30 s to ask and to listen.
    pub fn new(base_name: impl Into<String>) -> Self {
        Self {
            base_name: base_name.into(),
            body_limit: 2 << 20,
            connections: 512,
            patience: Duration::from_secs(30),
            ..Self::default()
        }
    }

    /// Sets [`api_key`](Self::api_key).
    pub fn with_api_key(self, api_key: impl Into<Option<String>>) -> Self {
        Self { api_key: api_key.into(), ..self }
    }

    /// Sets [`template`](Self::template).
    pub fn with_template(self, template: impl Into<Option<ChatTemplate>>) -> Self {
        Self { template: template.into(), ..self }
    }

    /// Sets [`generation`](Self::generation).
    pub fn with_generation(self, generation: GenerationFile) -> Self {
        Self { generation, ..self }
    }

    /// Sets [`sentence`](Self::sentence).
    pub fn with_sentence(self, sentence: SentenceConfig) -> Self {
        Self { sentence, ..self }
    }

    /// Sets [`allow_loading`](Self::allow_loading).
    pub fn with_allow_loading(self, allow_loading: bool) -> Self {
        Self { allow_loading, ..self }
    }

    /// Sets [`body_limit`](Self::body_limit).
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// Sets [`connections`](Self::connections). 0 is taken as 1.
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Sets [`patience`](Self::patience).
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// What all requests share.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engines: Engines,
    options: ServerOptions,
    started: u64,
}

impl App {
    /// A server for these engines.
    pub fn new(engines: Engines, options: ServerOptions) -> Self {
        Self(Arc::new(Shared { engines, options, started: now() }))
    }

    pub(super) fn engines(&self) -> &Engines {
        &self.0.engines
    }

    pub(super) fn options(&self) -> &ServerOptions {
        &self.0.options
    }

    pub(super) fn body_limit(&self) -> usize {
        self.0.options.body_limit
    }

    /// When the server started, in seconds since 1970.
    pub(super) fn started(&self) -> u64 {
        self.0.started
    }

    /// The adapter that `model` of a request names, or `None` for the base.
    pub(super) fn adapter<'a>(&self, model: &'a str) -> Option<&'a str> {
        Some(model).filter(|model| *model != self.options().base_name)
    }
}

/// The seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
