//! Encoders with a head. A body, which is the part that an architecture has of its own, is combined with a head.

mod architecture;
mod body;
mod decoder;
mod fixed_steps;
mod head;
mod head_config;
mod head_layers;
mod losses;
mod model;
mod module;

pub(crate) use body::{EncoderBody, EncoderConfig};
pub(crate) use decoder::TokenDecoder;
pub use head::Head;
pub(crate) use head::Step;
pub use head_config::{HeadConfig, ProblemType};
pub(crate) use head_layers::HeadLayers;
pub use model::Encoder;
