//! What the readers of `config.json` share: the types of layers, and heads in groups.

use crate::config_field::{expect, expect_divides};
use crate::error::ModelError;

/// The window of each layer that `layer_types` lists: `window` for `sliding_attention`, and none for `full_attention`.
pub(crate) fn windows_of(
    types: &[String],
    layers: usize,
    window: Option<usize>,
) -> Result<Vec<Option<usize>>, ModelError> {
    let expected = "one of full_attention and sliding_attention for each layer";
    expect(types.len() == layers, "layer_types", types.len(), expected)?;
    let of_type = |name: &String| match (name.as_str(), window) {
        ("full_attention" | "attention", _) => Ok(None),
        ("sliding_attention", Some(window)) => Ok(Some(window)),
        ("sliding_attention", None) => Err("`sliding_attention` without a `sliding_window`".to_string()),
        (other, _) => Err(format!("`{other}`")),
    };
    let windows: Result<_, String> = types.iter().map(of_type).collect();
    windows.map_err(|found| ModelError::Field { field: "layer_types", found, expected })
}

/// Checks that the heads of queries fall into as many groups as there are heads of keys and values.
pub(crate) fn expect_grouped_heads(heads: usize, kv_heads: usize) -> Result<(), ModelError> {
    expect_divides("num_key_value_heads", kv_heads, heads, "a divisor of `num_attention_heads`")
}
