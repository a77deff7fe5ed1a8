use std::net::SocketAddr;

use ia3_guard::{quote, quote_error};

/// Why a request is not answered, or why an engine cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No adapter has the name of the request.
    #[error("there is no model `{name}`; the list of models has the names of the base and of the adapters", name = quote(name))]
    NoModel {
        /// The name.
        name: String,
    },
    /// The name of a request is that of a repository on the hub, and nothing is downloaded.
    #[error("`{name}` is a name on the Hugging Face Hub, and this server downloads no adapters (--hub-adapters); use one of the list of models", name = quote(name))]
    NoHub {
        /// The name.
        name: String,
    },
    /// The folder of an adapter cannot be used.
    #[error("the adapter `{name}` is refused: {reason}", name = quote(name), reason = quote_error(reason))]
    Adapter {
        /// The name of the adapter.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field of a request has a value that is not possible.
    #[error("`{field}` {problem}", problem = quote_error(problem))]
    Request {
        /// The name of the field.
        field: &'static str,
        /// The rest of the sentence.
        problem: String,
    },
    /// As many requests wait as may.
    #[error("{waiting} requests wait already, which is the limit; try again later")]
    Full {
        /// The number of requests that wait.
        waiting: usize,
    },
    /// The engine takes no more requests, because it is ending.
    #[error("the server is shutting down and takes no more requests")]
    Ending,
    /// The logits of a sequence were NaN or infinite, so its tokens mean nothing.
    #[error(
        "{count} logits were NaN or infinite, so the answer means nothing; check the base and the adapter"
    )]
    NonFinite {
        /// The number of logits.
        count: usize,
    },
    /// The model failed while it computed. The requests that ran are lost; those that wait go on.
    #[error("the model failed while it computed the answer: {reason}", reason = quote_error(reason))]
    Failed {
        /// What is known of the failure.
        reason: String,
    },
    /// An address that other machines reach needs a key.
    #[error(
        "{address} can be reached from other machines, so the server needs a key; give one, or listen on 127.0.0.1"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// The operating system does not let the server listen.
    #[error("the server cannot listen: {source}")]
    Listener {
        /// The reason.
        source: std::io::Error,
    },
    /// The base cannot be served, or a request does not fit it.
    #[error(transparent)]
    Model(#[from] ia3::Error),
}

impl From<ia3::models::ModelError> for ServeError {
    fn from(error: ia3::models::ModelError) -> Self {
        Self::Model(error.into())
    }
}

impl From<ia3::AdapterError> for ServeError {
    fn from(error: ia3::AdapterError) -> Self {
        Self::Model(error.into())
    }
}

impl From<ia3::data::DataError> for ServeError {
    fn from(error: ia3::data::DataError) -> Self {
        Self::Model(error.into())
    }
}
