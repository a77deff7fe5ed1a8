//! Models of SentencePiece.

mod message;
mod model;

pub(crate) use model::SentencePiece;
