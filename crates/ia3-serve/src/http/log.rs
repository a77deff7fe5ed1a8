//! An event for each request, for the subscriber of the program.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::RequestId;

/// Passes a request on, and emits an event once the head of its response is there. Neither prompts nor keys are in the event.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let id = id.unwrap_or_default().to_string();
    let start = Instant::now();
    let response = next.run(request).await;
    let (status, seconds) = (response.status().as_u16(), start.elapsed().as_secs_f64());
    match status {
        500.. => tracing::error!(%method, path, status, seconds, request_id = id, "request"),
        _ => tracing::info!(%method, path, status, seconds, request_id = id, "request"),
    }
    response
}
