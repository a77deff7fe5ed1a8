//! The names that a parameter may have in a file.

use crate::checkpoint::LoadOptions;

/// The names that a parameter may have in the file, in the order in which they are tried.
pub(crate) fn candidates(name: &str, options: &LoadOptions) -> Vec<String> {
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
