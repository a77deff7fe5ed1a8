//! All integration tests of this crate, in one program: it links once.

mod adapters;
mod common;
mod engine;
mod exact;
mod http;
mod server;
mod text;
