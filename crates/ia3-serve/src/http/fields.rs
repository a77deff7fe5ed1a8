//! The fields of the body of a request, taken one by one, so that an error names the field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::app::App;
use super::error::ApiError;

/// Fields that say something of the client or of its account, and nothing of the answer.
const OF_THE_CLIENT: [&str; 8] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "parallel_tool_calls",
];

/// The fields that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(ApiError::request("the body of the request is no JSON object")),
            Err(error) => Err(ApiError::request(format!("the body of the request is no JSON: {error}"))),
        }
    }

    /// Takes a field. It is `None` where it is absent or null.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.0.remove(name).filter(|value| !value.is_null()) else { return Ok(None) };
        serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
            let path = match error.path().to_string() {
                path if path == "." => name.to_string(),
                path if path.starts_with('[') => format!("{name}{path}"),
                path => format!("{name}.{path}"),
            };
            ApiError::field(path, format!("is wrong: {}", ia3_guard::quote_error(error.inner())))
        })
    }

    /// Takes a field that has to be there.
    pub(super) fn need<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, ApiError> {
        self.take(name)?.ok_or_else(|| ApiError::field(name, "is missing"))
    }

    /// Checks that nothing is left which the answer would have to follow.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        let left =
            |(name, value): &(String, Value)| !value.is_null() && !OF_THE_CLIENT.contains(&name.as_str());
        match self.0.into_iter().find(left) {
            Some((name, _)) => Err(ApiError::field(name, "is not supported by this server; leave it out")),
            None => Ok(()),
        }
    }
}

impl FromRequest<App> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let refused = |error: BytesRejection| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(app.body_limit()),
            _ => ApiError::request(format!("the body of the request cannot be read: {}", error.body_text())),
        };
        let body = Bytes::from_request(request, app).await.map_err(refused)?;
        Self::parse(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: ApiError) -> String {
        error.body()["error"]["message"].as_str().unwrap().to_string()
    }

    #[test]
    fn errors_name_the_field() {
        assert!(message(Fields::parse(b"[]").unwrap_err()).contains("no JSON object"));
        assert!(message(Fields::parse(b"{").unwrap_err()).contains("no JSON: EOF"));
        let mut fields =
            Fields::parse(br#"{"a": null, "b": "x", "c": [1, "y"], "z": 1, "user": 3}"#).unwrap();
        assert_eq!(fields.take::<usize>("a").unwrap(), None);
        assert!(
            message(fields.take::<usize>("b").unwrap_err()).starts_with("`b` is wrong: invalid type: string")
        );
        assert!(message(fields.take::<Vec<usize>>("c").unwrap_err()).starts_with("`c[1]` is wrong: "));
        assert_eq!(message(fields.need::<usize>("d").unwrap_err()), "`d` is missing");
        assert_eq!(
            message(fields.finish().unwrap_err()),
            "`z` is not supported by this server; leave it out"
        );
    }
}
