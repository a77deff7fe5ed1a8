//! The two places of a vector in a gated feed-forward block.
//!
//! A gated block computes `wo(act(wi_0 x) ⊙ wi_1 x)`. Between the output of `wi_1` and the input of `wo` there is only a
//! product, so `wo(act(wi_0 x) ⊙ (l ⊙ wi_1 x)) = wo(l ⊙ (act(wi_0 x) ⊙ wi_1 x))`. T-Few has the vector on the output
//! (`configs/ia3.json`), PEFT's default for T5 on the input (`feedforward_modules`). A block `wo(act(wi x))` has the
//! activation between them, and no such equation holds.

mod gated;
mod place;
mod site;

pub use place::{Placed, place_feed_forward};
pub use site::FeedForwardSite;
