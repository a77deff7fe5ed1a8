//! All integration tests of this crate that need no process of their own, in one program: it links once.

mod models_page;
mod parameters;
