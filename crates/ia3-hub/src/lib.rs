#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod address;
mod cache;
mod check;
mod client;
mod error;
mod files;
mod hub;
mod listing;
mod progress;
mod push;
mod repo_id;
mod settings;
mod transfer;

pub use error::HubError;
pub use hub::{Fetched, Hub};
pub use progress::{Downloaded, Progress};
pub use push::{Pushed, Upload};
pub use repo_id::RepoId;
pub use settings::Settings;

pub use files::Kind;
