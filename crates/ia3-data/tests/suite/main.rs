//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[cfg(feature = "audio")]
mod audio;
mod chat;
mod gguf;
#[cfg(feature = "images")]
mod images;
mod padding;
#[cfg(feature = "parquet")]
mod parquet;
mod promptsource;
mod properties;
mod questions;
mod tokenizers;
mod translators;
mod words;
