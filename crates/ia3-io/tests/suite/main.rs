//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

mod adapters;
mod checkpoint;
mod file_system;
mod fixtures;
mod folder_write;
mod properties;
mod quantized;
mod t5;
mod torch;
mod without_base;
