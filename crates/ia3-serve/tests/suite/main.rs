//! All integration tests of this crate, in one program: it links once.

mod adapters;
mod common;
mod engine;
mod exact;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod server;
mod text;
