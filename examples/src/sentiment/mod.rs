//! Human-rated sentiment on MiniLM: three domains, an adapter with a head for each, and what PEFT made of the same data.

mod domain;
mod fit;
mod minilm;
mod reference;
mod setup;
mod trial;

pub use domain::{Domain, MAX_TOKENS};
pub use fit::{DomainTask, Fitted, accuracy, one_by_one, together};
pub use minilm::{DROPOUT, minilm, with_head};
pub use reference::{Reference, in_order};
pub use setup::{PEFT, Placement, SETUPS, Setup};
pub use trial::{trial, validation};

/// The domains.
pub const DOMAINS: [&str; 3] = ["movie", "amazon", "nyt"];
