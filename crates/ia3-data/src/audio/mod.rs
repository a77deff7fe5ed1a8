//! Sound for models of speech: WAV files, and the log-mel features of them.

mod log_mel;
mod mel_filters;
mod preprocessor;
mod rows;
mod sound;
mod spectrum;

pub use log_mel::LogMel;
pub use rows::SoundRows;
pub use sound::Sound;
