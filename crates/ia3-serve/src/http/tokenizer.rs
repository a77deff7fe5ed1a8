//! The tokenizer of the base.

use ia3::data::Tokenizer;

use super::app::App;
use super::error::ApiError;
use crate::error::ServeError;

/// The tokenizer, or the error of a request that needs one.
pub(super) fn tokenizer(app: &App) -> Result<&Tokenizer, ApiError> {
    let tokenizer = app.engines().base().tokenizer().map_err(ServeError::from)?;
    tokenizer
        .ok_or_else(|| ApiError::request("the base has no tokenizer, so a prompt has to be a list of ids"))
}
