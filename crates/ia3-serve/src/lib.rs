#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adapters;
mod engine;
mod engines;
mod error;
mod forward;
#[cfg(feature = "http")]
mod http;
mod snapshot;
mod worker;

pub use engine::{End, Engine, EngineOptions, Event, Handle, Logprob, Penalties, Reason, Request, Token};
pub use engines::Engines;
pub use error::ServeError;
pub use forward::{ForwardEngine, ForwardHandle, ForwardRequest, Wanted};
#[cfg(feature = "http")]
pub use http::{App, ServerOptions, check_address, router, serve};
pub use snapshot::{Histogram, Snapshot};
