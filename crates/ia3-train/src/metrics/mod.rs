//! Figures that compare answers with references, as the packages compute them that papers use.

mod bleu;
mod classes;
mod error_rates;
mod rouge;
mod squad;

pub use bleu::bleu;
pub use classes::{macro_f1, matthews, micro_f1};
pub use error_rates::{character_error_rate, word_error_rate};
pub use rouge::{Rouge, rouge};
pub use squad::{SquadScores, squad, squad_match};
