#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

#[cfg(feature = "audio")]
pub mod audio;
mod example;
mod padding;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod pixels;
mod sound_features;
mod span;

#[cfg(feature = "text")]
mod answers;
#[cfg(feature = "text")]
mod chat;
#[cfg(feature = "text")]
mod encoder;
#[cfg(feature = "text")]
mod error;
#[cfg(feature = "text")]
mod fields;
#[cfg(feature = "text")]
mod gguf;
#[cfg(feature = "text")]
mod gzip;
#[cfg(feature = "text")]
mod halves;
#[cfg(feature = "images")]
mod image;
#[cfg(feature = "text")]
mod input_fields;
#[cfg(feature = "text")]
mod json_file;
#[cfg(feature = "text")]
mod label_names;
#[cfg(feature = "text")]
mod layout;
#[cfg(feature = "text")]
mod long_text;
#[cfg(feature = "text")]
mod masking;
#[cfg(feature = "text")]
mod model_kind;
#[cfg(feature = "text")]
mod pair;
#[cfg(feature = "text")]
mod piece_tokenizer;
#[cfg(feature = "text")]
mod promptsource;
#[cfg(feature = "text")]
mod record;
#[cfg(feature = "text")]
mod records;
#[cfg(any(feature = "audio", feature = "images"))]
mod rows_with_files;
#[cfg(feature = "text")]
mod sentence_piece;
#[cfg(feature = "text")]
mod table;
#[cfg(feature = "text")]
mod targets;
#[cfg(feature = "text")]
mod template;
#[cfg(feature = "text")]
mod text_example;
#[cfg(feature = "text")]
mod token_kind;
#[cfg(feature = "text")]
mod tokenizer;
#[cfg(feature = "text")]
mod tokenizer_files;
#[cfg(feature = "text")]
mod tokenizer_limits;
#[cfg(feature = "text")]
mod tokenizer_parts;
#[cfg(feature = "text")]
mod unigram;
#[cfg(feature = "text")]
mod windows;

pub use example::{Example, MAX_INPUT_TOKENS, Target, TokenPair};
pub use padding::padding_share;
pub use pixels::Pixels;
pub use sound_features::SoundFeatures;
pub use span::Span;

#[cfg(feature = "text")]
pub use chat::{ChatTemplate, Conversation, Shape};
#[cfg(feature = "text")]
pub use encoder::Encoder;
#[cfg(feature = "text")]
pub use error::{ChatError, DataError, MaskError, RowError, TemplateError};
#[cfg(feature = "text")]
pub use fields::Fields;
#[cfg(feature = "text")]
pub use gguf::gguf_tokenizer_files;
#[cfg(feature = "images")]
pub use image::{Bitmap, Filter, ImageError, ImageProcessor, ImageRows};
#[cfg(feature = "text")]
pub use layout::Layout;
#[cfg(feature = "text")]
pub use masking::Masking;
#[cfg(feature = "text")]
pub use model_kind::ModelKind;
#[cfg(feature = "text")]
pub use promptsource::{TemplateChoice, TemplateSet};
#[cfg(feature = "text")]
pub use record::Record;
#[cfg(feature = "text")]
pub use records::read_records;
#[cfg(feature = "text")]
pub use template::Template;
#[cfg(feature = "text")]
pub use text_example::{Answer, SpanText, TextExample};
#[cfg(feature = "text")]
pub use tokenizer::Tokenizer;
