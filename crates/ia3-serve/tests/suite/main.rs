//! All integration tests of this crate, in one program: it links once.

mod adapters;
mod common;
mod engine;
mod exact;
mod forward;
mod hostile_clients;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod http_forward;
#[cfg(feature = "hub")]
mod hub;
#[cfg(feature = "http")]
mod loading;
#[cfg(feature = "http")]
mod openapi;
mod prefix;
#[cfg(feature = "http")]
mod server;
mod text;
