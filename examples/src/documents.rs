//! The documents of the repository, whose Rust blocks run as doctests; `build.rs` prepares them.

include!(concat!(env!("OUT_DIR"), "/documents.rs"));
