//! The model card of an adapter: `README.md`.

use std::collections::BTreeMap;

use ia3_config::Placement;
use ia3_guard::{escape_json, quote_code, quote_markdown};

/// The content of a card: the base, and the vectors grouped by the last name of their layer and by what they scale.
pub(crate) struct Card<'a> {
    base: Option<&'a str>,
    rows: BTreeMap<(&'a str, String), (usize, usize)>,
    saved: (usize, usize),
}

impl<'a> Card<'a> {
    pub(crate) fn new(base: Option<&'a str>) -> Self {
        Self { base, rows: BTreeMap::new(), saved: (0, 0) }
    }

    /// Counts a vector of `len` values.
    pub(crate) fn vector(&mut self, module: &'a str, placement: Placement, len: usize) {
        let name = module.rsplit('.').next().unwrap_or(module);
        let (layers, parameters) = self.rows.entry((name, placement.to_string())).or_default();
        (*layers, *parameters) = (*layers + 1, *parameters + len);
    }

    /// Counts parameters that are saved whole; `sizes` are their numbers of values.
    pub(crate) fn saved(&mut self, sizes: impl Iterator<Item = usize>) {
        self.saved = sizes.fold(self.saved, |(layers, parameters), size| (layers + 1, parameters + size));
    }

    /// The text: Hugging Face's front matter, a table of the vectors, and how to load the adapter.
    pub(crate) fn text(&self) -> String {
        let mut card = front_matter(self.base);
        card += &format!(
            "\n# (IA)³ adapter{}\n",
            self.base.map(|b| format!(" of {}", quote_code(b))).unwrap_or_default()
        );
        card += "\nOne learned vector per layer scales its input or its output ([paper](https://arxiv.org/abs/2205.05638)).\n";
        card += &self.table();
        card + USE
    }

    fn table(&self) -> String {
        let mut text = String::from("\n| layer | scales | layers | parameters |\n|---|---|---|---|\n");
        let mut all = (0, self.saved.1);
        for ((name, placement), (layers, parameters)) in &self.rows {
            text += &format!("| {} | {placement} | {layers} | {parameters} |\n", quote_markdown(name));
            all = (all.0 + layers, all.1 + parameters);
        }
        if self.saved.1 > 0 {
            text += &format!("| saved whole | | {} | {} |\n", self.saved.0, self.saved.1);
        }
        text + &format!("| **all** | | {} | {} |\n", all.0, all.1)
    }
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

/// A YAML scalar: plain if that is safe, otherwise quoted as JSON, which is valid YAML.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.');
    match starts_well && text.chars().all(plain) && !text.ends_with(':') {
        true => text.to_string(),
        false => escape_json(&serde_json::Value::from(text).to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_forge_rows_or_links() {
        let mut card = Card::new(Some("x`\n# no\u{202e}"));
        card.vector("h.0.a | 9 |\n| b [c](d)", Placement::Output, 3);
        let text = card.text();
        assert!(text.contains("\nbase_model: \"x`\\n# no\\u202e\"\n"), "{text}");
        assert!(text.contains("\n# (IA)³ adapter of `` x`\\n# no\\u{202e} ``\n"), "{text}");
        assert!(text.contains(r"a \| 9 \|\\n\| b \[c\](d) | output"), "{text}");
    }

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
