use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::app::App;
use super::error::ApiError;

/// Lets a request pass that has the key of the server, if there is one.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(key) = &app.options().api_key else { return next.run(request).await };
    let header = request.headers().get(AUTHORIZATION).map(|header| header.as_bytes());
    let given = header.and_then(|header| header.strip_prefix(b"Bearer "));
    // The time that it takes tells nothing of how much of a key is right.
    match given.is_some_and(|given| given.ct_eq(key.as_bytes()).into()) {
        true => next.run(request).await,
        false => ApiError::unauthorized().into_response(),
    }
}
