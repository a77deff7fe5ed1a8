//! Where the hub and its cache are: the environment variables of Python's `huggingface_hub`, with the same meaning.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variables for the cache, the first that is set wins.
const CACHES: [&str; 3] = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"];
/// The variables for the token, the first that is set wins.
const TOKENS: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
const OFFLINE: [&str; 2] = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"];
/// A token is some forty characters.
const TOKEN: ia3_guard::Limit = ia3_guard::Limit { bytes: 64 << 10, what: "a token" };

/// Where the hub and its cache are.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The address of the hub without a final slash; `None` is the public hub.
    pub endpoint: Option<String>,
    /// The folder of the shared cache, which holds `models--OWNER--NAME`.
    pub cache: PathBuf,
    /// The token of the user.
    pub token: Option<String>,
    /// Whether requests carry the token although nobody asked for it.
    pub implicit_token: bool,
    /// Whether nothing may be asked of the hub.
    pub offline: bool,
}

impl Settings {
    /// The settings for a cache: the public hub, no token, not offline.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self { endpoint: None, cache: cache.into(), token: None, implicit_token: true, offline: false }
    }

    /// The settings of the environment of this process.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `HF_ENDPOINT` | address of the hub |
    /// | `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `TRANSFORMERS_CACHE` | folder of the cache |
    /// | `HF_HOME` | the cache is its folder `hub`, and the token its file `token` |
    /// | `XDG_CACHE_HOME` | `HF_HOME` is its folder `huggingface`; without it, it is `~/.cache/huggingface` |
    /// | `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN` | token |
    /// | `HF_TOKEN_PATH` | file of the token |
    /// | `HF_HUB_DISABLE_IMPLICIT_TOKEN` | downloads do not carry the token |
    /// | `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | only the cache is used |
    pub fn from_env() -> Self {
        Self::from_vars(|name| env::var_os(name))
    }

    /// As [`from_env`](Self::from_env), from any table of variables.
    pub fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let user = var("HOME").or_else(|| var("USERPROFILE")).map(PathBuf::from);
        let path = |name: &str| var(name).map(|path| expanded(path.into(), user.as_deref()));
        let home = path("HF_HOME").unwrap_or_else(|| {
            let caches = path("XDG_CACHE_HOME");
            let caches = caches.or_else(|| user.as_ref().map(|user| user.join(".cache"))).unwrap_or_default();
            caches.join("huggingface")
        });
        let text = |name: &str| var(name)?.into_string().ok().map(|text| text.trim().to_string());
        let given = TOKENS.iter().find_map(|name| text(name));
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let stored = || Some(ia3_guard::read_text(&token_file, TOKEN).ok()?.trim().to_string());
        Self {
            endpoint: text("HF_ENDPOINT").map(|address| address.trim_end_matches('/').to_string()),
            cache: CACHES.iter().find_map(|name| path(name)).unwrap_or_else(|| home.join("hub")),
            token: given.or_else(stored).filter(|token| !token.is_empty()),
            implicit_token: !text("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some_and(|value| is_true(&value)),
            offline: OFFLINE.iter().find_map(|name| text(name)).is_some_and(|value| is_true(&value)),
        }
    }
}

/// The token is a secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("implicit_token", &self.implicit_token)
            .field("offline", &self.offline)
            .finish()
    }
}

fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())
}

/// `~/…` in the home folder of the user.
fn expanded(path: PathBuf, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), user) {
        (Ok(rest), Some(user)) => user.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(vars: &[(&str, &str)]) -> Settings {
        Settings::from_vars(|name| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |vars: &[(&str, &str)]| settings(vars).cache.to_string_lossy().into_owned();
        let home = ("HOME", "/home/me");
        assert_eq!(cache(&[home]), "/home/me/.cache/huggingface/hub");
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "/x")]), "/x/huggingface/hub");
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "/x"), ("HF_HOME", "~/hf")]), "/home/me/hf/hub");
        let all = [home, ("HF_HOME", "/hf"), ("TRANSFORMERS_CACHE", "/t"), ("HF_HUB_CACHE", "/c")];
        assert_eq!(cache(&all), "/c");
        assert_eq!(cache(&all[..3]), "/t");
    }

    #[test]
    fn the_token_is_a_variable_or_a_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "hf_stored\n").unwrap();
        let place = ("HF_HOME", home.path().to_str().unwrap());
        assert_eq!(settings(&[place]).token.as_deref(), Some("hf_stored"));
        assert_eq!(settings(&[place, ("HF_TOKEN", " hf_given ")]).token.as_deref(), Some("hf_given"));
        assert_eq!(settings(&[("HF_HOME", "/nowhere")]).token, None);
        assert!(!settings(&[place, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).implicit_token);
        assert!(!format!("{:?}", settings(&[place])).contains("hf_stored"));
    }

    #[test]
    fn offline_and_the_endpoint_are_read() {
        assert!(settings(&[("HF_HUB_OFFLINE", "on")]).offline);
        assert!(!settings(&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")]).offline);
        let mirror = settings(&[("HF_ENDPOINT", "http://mirror.example/")]);
        assert_eq!(mirror.endpoint.as_deref(), Some("http://mirror.example"));
    }
}
