#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adapters;
mod engine;
mod engines;
mod error;
mod forward;
mod handle;
#[cfg(feature = "http")]
mod http;
mod options;
mod probabilities;
mod snapshot;
mod worker;

pub use adapters::AdapterSources;
pub use engine::{End, Engine, Event, Handle, Logprob, Penalties, Reason, Request, TextJob, Token};
pub use engines::Engines;
pub use error::ServeError;
pub use forward::{ForwardEngine, ForwardHandle, ForwardJob, ForwardRequest, Wanted};
pub use handle::EngineHandle;
#[cfg(feature = "http")]
pub use http::{App, ServerOptions, check_address, router, serve};
pub use options::EngineOptions;
pub use snapshot::{Histogram, Snapshot};
