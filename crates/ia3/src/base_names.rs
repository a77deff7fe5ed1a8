//! The names that one base may have.

use std::path::Path;

use ia3_guard::{Limit, read_text};

/// The folder of a snapshot in the cache of the hub: `models--google--flan-t5-small/snapshots/5f2…`.
const HUB: &str = "models--";

/// The last parts of the names of a base in a folder, in lower case; `None` where they say nothing, because the folder holds
/// a quantised copy of another, or the base is a GGUF file, which was made from another.
pub(crate) struct BaseNames(Option<Vec<String>>);

impl BaseNames {
    pub(crate) fn of(dir: &Path) -> Self {
        if ia3_gguf::is_gguf(dir) {
            return Self(None);
        }
        let recorded = Recorded::of(dir).unwrap_or_default();
        if recorded.quantization_config.is_some() {
            return Self(None);
        }
        let absolute = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let paths = [dir.to_string_lossy(), absolute.to_string_lossy()];
        let own = paths.iter().filter_map(|path| last_part(path));
        Self(Some(own.chain(recorded._name_or_path.as_deref().and_then(last_part)).collect()))
    }

    pub(crate) fn contains(&self, part: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == part))
    }
}

/// What `config.json` says about where the base comes from.
#[derive(Default, serde::Deserialize)]
struct Recorded {
    /// The name that transformers records.
    _name_or_path: Option<String>,
    quantization_config: Option<serde::de::IgnoredAny>,
}

impl Recorded {
    fn of(dir: &Path) -> Option<Self> {
        let text = read_text(&dir.join("config.json"), Limit::CONFIG).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// The last part of a name or path, in lower case: the model's name without its owner. `None` where there is none.
pub(crate) fn last_part(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let of_hub = parts.iter().rev().find_map(|part| part.strip_prefix(HUB)?.rsplit("--").next());
    Some(of_hub.or(parts.last().copied())?.to_lowercase())
}

/// The name of the base in a folder, as adapters record it: the path of the folder as it is given. A snapshot in the cache of
/// the hub has its name on the hub, `google/flan-t5-small`, and a path without a name, such as `.`, is made absolute.
pub fn base_name(dir: &Path) -> String {
    let absolute = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    match on_hub(&absolute) {
        Some(name) => name,
        None if last_part(&dir.to_string_lossy()).is_none() => absolute.display().to_string(),
        None => dir.display().to_string(),
    }
}

/// The name on the hub of a snapshot: `models--OWNER--NAME/snapshots/REVISION`.
fn on_hub(dir: &Path) -> Option<String> {
    let snapshots = dir.parent().filter(|parent| parent.ends_with("snapshots"))?;
    let model = snapshots.parent()?.file_name()?.to_str()?;
    Some(model.strip_prefix(HUB)?.replacen("--", "/", 1))
}

/// Whether two names may be names of one base.
pub fn same_base(a: &str, b: &str) -> bool {
    last_part(a) == last_part(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_in_their_last_part() {
        for other in ["flan-T5-small", "./flan-t5-small/", r"C:\models\flan-t5-small"] {
            assert!(same_base("google/flan-t5-small", other), "{other}");
        }
        let cached = "/home/user/.cache/huggingface/hub/models--google--flan-t5-small/snapshots/0fc9ddf78a1e";
        assert!(same_base("google/flan-t5-small", cached));
        assert!(!same_base("google/flan-t5-small", "google/flan-t5-base"));
        assert_eq!(last_part("./"), None);
    }

    #[test]
    fn adapters_record_the_name_on_the_hub_or_a_path_that_says_something() {
        let root = tempfile::tempdir().unwrap();
        let snapshot = root.path().join("models--google--flan--t5/snapshots/0fc9");
        std::fs::create_dir_all(&snapshot).unwrap();
        assert_eq!(base_name(&snapshot), "google/flan--t5");
        assert_eq!(base_name(Path::new("bases/t5-small")), "bases/t5-small");
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(base_name(Path::new(".")), here.display().to_string());
        assert_eq!(base_name(Path::new("./")), here.display().to_string());
    }

    #[test]
    fn a_base_has_the_name_of_its_folder_and_that_in_its_configuration() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("Merged");
        std::fs::create_dir(&dir).unwrap();
        assert!(BaseNames::of(&dir).contains("merged") && !BaseNames::of(&dir).contains("t5-small"));
        std::fs::write(dir.join("config.json"), r#"{"_name_or_path": "google-t5/t5-small"}"#).unwrap();
        assert!(BaseNames::of(&dir).contains("merged") && BaseNames::of(&dir).contains("t5-small"));
        std::fs::write(dir.join("config.json"), r#"{"quantization_config": {"quant_method": "ia3"}}"#)
            .unwrap();
        assert!(BaseNames::of(&dir).contains("any name"), "a quantised copy has a folder of its own");
    }
}
