//! The page at `/`, and the description of the addresses.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;

/// The page may only talk to this server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";

/// The description of the addresses in the form of OpenAPI 3.1.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// A page that shows the answers of the base and of two adapters side by side.
pub(super) async fn page() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("page.html"))
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_one_of_openapi() {
        let document: utoipa::openapi::OpenApi = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(document.info.title, "ia3 serve");
        assert!(document.paths.paths.len() > 12, "{}", document.paths.paths.len());
    }
}
