#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adapters;
mod engine;
mod error;
#[cfg(feature = "http")]
mod http;

pub use engine::{
    End, Engine, EngineOptions, Event, Handle, Histogram, Logprob, Penalties, Reason, Request, Snapshot,
    Token,
};
pub use error::ServeError;
#[cfg(feature = "http")]
pub use http::{App, ServerOptions, check_address, router, serve};
