//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

mod base;
mod convert;
mod convert_properties;
mod lycoris;
mod refused;
