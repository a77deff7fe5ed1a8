//! Models of SentencePiece: their files, and what the package `sentencepiece` makes of texts with them.

mod best_path;
mod char_map;
mod merging;
mod message;
mod model;
mod normalizer;
mod processor;
mod words;

pub(crate) use model::SentencePiece;
pub(crate) use processor::{Found, Processor};
pub(crate) use words::Words;
