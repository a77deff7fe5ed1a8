//! OpenAI's protocol over HTTP.

mod answer;
mod app;
mod auth;
mod chat;
mod classify;
mod completions;
mod connections;
mod embeddings;
mod error;
mod events;
mod fields;
mod inputs;
mod json;
mod kind;
mod loading;
mod log;
mod logprobs;
mod metrics;
mod models;
mod page;
mod params;
mod passes;
mod places;
mod rank;
mod shape;
mod stream;
mod tokenizer;

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

pub use app::{App, ServerOptions};

use crate::error::ServeError;
use error::{ApiError, panicked};

/// The routes of a server.
pub fn router(app: App) -> Router {
    let open = Router::new()
        .route("/", get(page::page))
        .route("/openapi.json", get(page::openapi))
        .route("/health", get(models::health))
        .route("/ready", get(models::ready));
    let closed = Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{name}", get(models::one))
        .route("/v1/completions", post(completions::complete))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/embeddings", post(embeddings::embed))
        .route("/v1/classify", post(classify::classify))
        .route("/v1/rank", post(rank::rank))
        .route("/v1/load_adapter", post(loading::load))
        .route("/v1/load_lora_adapter", post(loading::load))
        .route("/v1/unload_adapter", post(loading::unload))
        .route("/v1/unload_lora_adapter", post(loading::unload))
        .route("/metrics", get(metrics::metrics))
        .route_layer(from_fn_with_state(app.clone(), auth::check));
    open.merge(closed)
        .fallback(|| async { ApiError::not_found("there is nothing at this address") })
        .method_not_allowed_fallback(|| async { ApiError::wrong_method() })
        .layer(DefaultBodyLimit::max(app.body_limit()))
        .layer(RequestBodyTimeoutLayer::new(app.options().patience))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(log::log))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(app)
}

/// Checks an address against the key: a server that other machines reach needs one.
///
/// # Errors
///
/// [`ServeError::Public`]: the address is not one of this machine alone, and there is no key.
pub fn check_address(address: SocketAddr, options: &ServerOptions) -> Result<(), ServeError> {
    match address.ip().is_loopback() || options.api_key.is_some() {
        true => Ok(()),
        false => Err(ServeError::Public { address }),
    }
}

/// Answers on `listener` until `stop` is ready. Then it takes no more connections, and returns when all requests are answered.
///
/// # Errors
///
/// [`ServeError::Public`], and [`ServeError::Listener`] if the operating system fails.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listener { source };
    check_address(listener.local_addr().map_err(failed)?, app.options())?;
    let ending = app.clone();
    let stop = async move {
        stop.await;
        ending.engines().end();
    };
    connections::answer(listener, router(app.clone()), app.options(), stop).await;
    Ok(())
}
