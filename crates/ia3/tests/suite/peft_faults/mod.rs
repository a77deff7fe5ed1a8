//! The faults of PEFT 0.21.2, each with a test that it is absent. A comment says what PEFT does.

mod files;
mod merging;
mod naming;
mod placement;
