//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

mod encoders;
mod esm;
mod experts;
mod front_door;
mod gguf;
mod half;
mod heads;
mod images;
mod kept;
mod kv_only;
mod lora;
mod masked_losses;
mod models;
mod packed;
mod peft_faults;
mod peft_suite;
mod quantized;
mod rows;
mod smollm2;
mod t5;
mod tasks;
mod tied;
mod whisper;
