//! The model card of an adapter: `README.md`.

use std::collections::BTreeMap;

use ia3_core::Adapter;

/// The text of a card: Hugging Face's front matter, and what the adapter holds.
pub(crate) fn model_card(adapter: &Adapter) -> String {
    let base = adapter.config.base_model_name_or_path.as_deref();
    let mut card = front_matter(base);
    card += &format!("\n# (IA)³ adapter{}\n", base.map(|b| format!(" of `{b}`")).unwrap_or_default());
    card += "\nOne learned vector per layer scales its input or its output ([paper](https://arxiv.org/abs/2205.05638)).\n";
    card += &table(adapter);
    card + USE
}

const USE: &str = "
## Use

```python
from peft import PeftModel
model = PeftModel.from_pretrained(base_model, \"path/of/this/folder\")
```
";

fn front_matter(base: Option<&str>) -> String {
    let mut yaml = String::from("---\n");
    yaml += &base.map(|b| format!("base_model: {}\n", scalar(b))).unwrap_or_default();
    yaml += "library_name: peft\ntags:\n";
    yaml += &base.map(|b| format!("- {}\n", scalar(&format!("base_model:adapter:{b}")))).unwrap_or_default();
    yaml + "- ia3\n- transformers\n---\n"
}

/// A YAML scalar: plain where that is safe, otherwise quoted as JSON, which is YAML.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.');
    match starts_well && text.chars().all(plain) && !text.ends_with(':') {
        true => text.to_string(),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// Layers and parameters by the last name of their path and what they scale.
fn table(adapter: &Adapter) -> String {
    let mut rows = BTreeMap::<(&str, String), (usize, usize)>::new();
    for (path, vector) in &adapter.vectors {
        let name = path.rsplit('.').next().unwrap_or(path);
        let (layers, parameters) = rows.entry((name, vector.placement.to_string())).or_default();
        (*layers, *parameters) = (*layers + 1, *parameters + vector.len());
    }
    let saved: usize = adapter.saved.values().map(|data| data.num_elements()).sum();
    if saved > 0 {
        rows.insert(("saved whole", String::new()), (adapter.saved.len(), saved));
    }
    let mut text = String::from("\n| layer | scales | layers | parameters |\n|---|---|---|---|\n");
    for ((name, placement), (layers, parameters)) in rows {
        text += &format!("| {name} | {placement} | {layers} | {parameters} |\n");
    }
    text + &format!("| **all** | | {} | {} |\n", adapter.vectors.len(), adapter.num_params())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_yaml_would_misread_are_quoted() {
        let cases = [
            ("google/flan-t5-small", "google/flan-t5-small"),
            ("my model: #1", "\"my model: #1\""),
            ("123", "\"123\""),
            ("a\nb: c", "\"a\\nb: c\""),
            ("", "\"\""),
        ];
        for (name, expected) in cases {
            assert_eq!(scalar(name), expected);
        }
    }
}
