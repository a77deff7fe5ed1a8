//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod hostile;
mod messages;
mod peft_rules;
mod properties;
mod python_regex;
mod saved_config;
