//! The engines that answer the requests to one base.

use std::thread::JoinHandle;

use ia3::Task;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::adapters::{AdapterSources, Catalog};
use crate::engine::{Engine, Event, Handle, Request};
use crate::error::ServeError;
use crate::forward::{ForwardEngine, ForwardHandle};
use crate::options::EngineOptions;
use crate::snapshot::Snapshot;

/// The engines of a base: an [`Engine`] for the texts of a language model, and a [`ForwardEngine`] for everything else.
/// They share the weights of the base, and each has a table of adapters, which takes memory only where it is used.
#[derive(Clone, Debug)]
pub struct Engines {
    text: Option<Handle>,
    forward: ForwardHandle,
    cache_bytes: usize,
}

impl Engines {
    /// Starts the engines for `base` and its adapters, such as those in the subfolders of a folder, each on a thread of its own. The threads end
    /// after [`end`](Self::end), or when all clones are gone.
    ///
    /// # Errors
    ///
    /// The errors of [`Engine::new`], [`ForwardEngine::new`], and [`Engine::start`]; [`ServeError::Request`] for a base that reads
    /// no texts.
    pub fn start(
        base: ia3::Model,
        adapters: impl Into<AdapterSources>,
        options: EngineOptions,
    ) -> Result<(Self, Vec<JoinHandle<()>>), ServeError> {
        let task = base.task();
        let of_texts = task.is_language_model() || Task::OF_ENCODERS.contains(&task);
        if !of_texts || base.module().image().is_some() {
            let problem = "reads no texts, and this server takes nothing else";
            return Err(ServeError::Request { field: "base", problem: problem.into() });
        }
        let catalog = Catalog::new(adapters);
        let forward = ForwardEngine::with_catalog(base.clone(), catalog.clone(), options)?;
        let (mut threads, mut text, mut cache_bytes) = (vec![], None, 0);
        if task.is_language_model() {
            let mut engine = Engine::with_catalog(base, catalog, options)?;
            cache_bytes = engine.cache_bytes();
            let (handle, thread) = engine.start()?;
            text = Some(handle);
            threads.push(thread);
        }
        let (forward, thread) = forward.start()?;
        threads.push(thread);
        Ok((Self { text, forward, cache_bytes }, threads))
    }

    /// The bytes that keys and values take.
    pub fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    /// The base.
    pub fn base(&self) -> &ia3::Model {
        self.forward.base()
    }

    /// The bounds of the engines.
    pub fn options(&self) -> EngineOptions {
        self.forward.options()
    }

    /// The engine for what one pass answers.
    pub fn forward(&self) -> &ForwardHandle {
        &self.forward
    }

    /// Sends a request for a text. What happens to it comes from the receiver; dropping it ends the request.
    ///
    /// # Errors
    ///
    /// [`ServeError::Full`], [`ServeError::Ending`], and [`ServeError::Request`] where the base writes no texts.
    pub fn submit(&self, request: Request) -> Result<UnboundedReceiver<Event>, ServeError> {
        match &self.text {
            Some(engine) => engine.submit(request),
            None => {
                let problem = "is an encoder, which writes no text; /v1/models says what it answers";
                Err(ServeError::Request { field: "model", problem: problem.into() })
            }
        }
    }

    /// The names of the adapters in the folder, in order.
    pub fn adapters(&self) -> Vec<String> {
        self.catalog().names()
    }

    /// Whether there is an adapter of this name in the folder. It may still be broken.
    pub fn has_adapter(&self, name: &str) -> bool {
        self.catalog().find(name).is_some()
    }

    /// Makes the adapter in a subfolder of the folder of adapters known under `name`, and reads it into memory. It returns the number
    /// of changes of the list so far.
    ///
    /// # Errors
    ///
    /// [`ServeError::NoModel`] if the subfolder holds no adapter; [`ServeError::Adapter`] for one that is broken, of which the name
    /// stays known; [`ServeError::Ending`].
    pub async fn load(&self, name: &str, folder: &str) -> Result<u64, ServeError> {
        if name.is_empty() || self.catalog().subfolder(folder).is_none() {
            return Err(ServeError::NoModel { name: folder.into() });
        }
        let generation = self.catalog().show(name, folder);
        match &self.text {
            Some(engine) => engine.load(name).await?,
            None => self.forward.load(name).await?,
        }
        Ok(generation)
    }

    /// Makes an adapter unknown, although its folder stays, and frees its memory unless a request still runs under it. It returns the
    /// number of changes of the list so far.
    ///
    /// # Errors
    ///
    /// [`ServeError::NoModel`] and [`ServeError::Ending`].
    pub fn unload(&self, name: &str) -> Result<u64, ServeError> {
        if !self.has_adapter(name) {
            return Err(ServeError::NoModel { name: name.into() });
        }
        let generation = self.catalog().hide(name);
        self.text.iter().try_for_each(|engine| engine.forget(name))?;
        self.forward.forget(name)?;
        Ok(generation)
    }

    /// The number of calls of [`load`](Self::load) and [`unload`](Self::unload) that changed the list of adapters.
    pub fn generation(&self) -> u64 {
        self.catalog().generation()
    }

    /// Lets the engines finish what they have, take nothing more, and end their threads.
    pub fn end(&self) {
        self.text.iter().for_each(Handle::end);
        self.forward.end();
    }

    /// Whether [`end`](Self::end) was called.
    pub fn is_ending(&self) -> bool {
        self.forward.is_ending()
    }

    /// What the engine for texts has counted, if there is one.
    pub fn text_snapshot(&self) -> Option<Snapshot> {
        self.text.as_ref().map(Handle::snapshot)
    }

    /// What the engine for everything else has counted.
    pub fn forward_snapshot(&self) -> Snapshot {
        self.forward.snapshot()
    }

    fn catalog(&self) -> &Catalog {
        self.forward.catalog()
    }
}
