//! Image files as the numbers that a model of images reads.

mod alpha;
mod crop;
mod decode;
mod error;
mod fields;
mod filter;
mod processor;
mod resize;
mod rows;
mod sizes;

pub use decode::Bitmap;
pub use error::ImageError;
pub use filter::Filter;
pub use processor::ImageProcessor;
pub use rows::ImageRows;
