//! The names that a parameter may have in a file.

use crate::checkpoint::LoadOptions;

/// The names that a parameter may have in the file, in the order in which they are tried.
pub(crate) fn candidates(name: &str, options: &LoadOptions) -> Vec<String> {
    let names = prefixed(name, options);
    let old = names.iter().filter_map(|name| tensorflow_name(name)).collect::<Vec<_>>();
    names.into_iter().chain(old).collect()
}

/// The name of a norm's parameter in checkpoints that come from TensorFlow, such as bert-base-uncased.
fn tensorflow_name(name: &str) -> Option<String> {
    let renamed = |new: &str, old: &str| Some(format!("{}{old}", name.strip_suffix(new)?));
    let weight = renamed("LayerNorm.weight", "LayerNorm.gamma");
    weight.or_else(|| renamed("LayerNorm.bias", "LayerNorm.beta"))
}

fn prefixed(name: &str, options: &LoadOptions) -> Vec<String> {
    let aliases = options.aliases.iter().filter(|(model, _)| model == name).map(|(_, file)| file.as_str());
    let mut candidates = Vec::new();
    for name in [name].into_iter().chain(aliases) {
        candidates.push(name.to_string());
        if let Some(prefix) = &options.prefix {
            candidates.push(format!("{prefix}{name}"));
            candidates.extend(name.strip_prefix(prefix.as_str()).map(str::to_string));
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_may_have_the_names_of_tensorflow() {
        let options = LoadOptions::new().with_prefix("bert.");
        let names = candidates("bert.embeddings.LayerNorm.weight", &options);
        assert!(names.contains(&"bert.embeddings.LayerNorm.gamma".to_string()), "{names:?}");
        assert!(names.contains(&"embeddings.LayerNorm.gamma".to_string()), "{names:?}");
        assert!(!candidates("ln_f.weight", &options).iter().any(|name| name.contains("gamma")));
    }
}
