//! Errors in OpenAI's form.

use std::any::Any;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ia3::models::ModelError;
use serde_json::{Value, json};

use super::json::Json;
use crate::error::ServeError;

/// An error that a client gets.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// The field of the request that is wrong.
    param: Option<String>,
    code: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A field of the request is wrong. `problem` is the rest of the sentence.
    pub(super) fn field(param: impl Into<String>, problem: impl AsRef<str>) -> Self {
        let param = param.into();
        let message = format!("`{}` {}", ia3_guard::quote(&param), problem.as_ref());
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// The request as a whole is wrong.
    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body of the request has more than the {limit} bytes that are allowed");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message).with_code("generation_changed")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take the method of the request")
    }

    pub(super) fn unauthorized() -> Self {
        let message = "the key is missing or wrong; send `Authorization: Bearer KEY`";
        Self::new(StatusCode::UNAUTHORIZED, message).with_code("invalid_api_key")
    }

    /// The error as JSON.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

impl From<ServeError> for ApiError {
    fn from(error: ServeError) -> Self {
        let message = error.to_string();
        let of = |status, param: Option<&str>, code| Self {
            status,
            message: message.clone(),
            param: param.map(str::to_string),
            code,
        };
        match &error {
            ServeError::NoModel { .. } => of(StatusCode::NOT_FOUND, Some("model"), Some("model_not_found")),
            ServeError::NoHub { .. } => of(StatusCode::FORBIDDEN, Some("model"), Some("hub_not_allowed")),
            ServeError::Adapter { .. } => {
                of(StatusCode::UNPROCESSABLE_ENTITY, Some("model"), Some("adapter_refused"))
            }
            ServeError::Request { field, .. } => of(StatusCode::BAD_REQUEST, Some(field), None),
            ServeError::Full { .. } => of(StatusCode::TOO_MANY_REQUESTS, None, Some("queue_full")),
            ServeError::Ending => of(StatusCode::SERVICE_UNAVAILABLE, None, Some("shutting_down")),
            ServeError::Model(ia3::Error::Model(ModelError::Generation { field, .. })) => {
                of(StatusCode::BAD_REQUEST, Some(field), None)
            }
            _ => of(StatusCode::INTERNAL_SERVER_ERROR, None, None),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => (),
        }
        response
    }
}

/// The answer where the code of a request has panicked.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    let message = "the server failed; this is a fault of this program";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
}
