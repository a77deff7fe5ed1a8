#[path = "../common/mod.rs"]
mod common;
#[path = "../suite/kept.rs"]
mod kept;
