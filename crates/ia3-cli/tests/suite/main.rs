//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

#[path = "../../../ia3-hub/tests/server/mod.rs"]
mod server;

mod adapters_cli;
#[cfg(feature = "audio")]
mod audio;
mod beams;
mod broken_values;
mod classifier_without_head;
mod convert;
mod cost;
mod damaged_state;
mod data;
mod embeddings;
mod faults;
mod front;
mod gguf;
mod gguf_base;
mod heads;
mod hostile;
mod hub;
#[cfg(feature = "images")]
mod images;
mod links;
mod minilm;
mod packed;
mod quantize;
mod questions;
mod resume;
mod rows;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "audio")]
mod sounds;
mod tasks;
mod tensorboard;
mod train;
mod train_folder;
mod writes;
