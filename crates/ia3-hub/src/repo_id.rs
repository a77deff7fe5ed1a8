//! Names of repositories: `google/flan-t5-small`, `gpt2`, `user/name@revision`.

use std::fmt;
use std::path::Path;

/// The longest name that the hub allows.
const LONGEST: usize = 96;
/// The revision of a name without one.
const MAIN: &str = "main";

/// A repository of a model or adapter at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoId {
    name: String,
    revision: String,
}

impl RepoId {
    /// Reads `OWNER/NAME` or `NAME`, followed by `@REVISION` or not. `None` for what can be no name on the hub, such as most
    /// paths.
    ///
    /// ```
    /// use ia3_hub::RepoId;
    ///
    /// let id = RepoId::parse("google/flan-t5-small@v1").unwrap();
    /// assert_eq!((id.name(), id.revision()), ("google/flan-t5-small", "v1"));
    /// assert!(RepoId::parse("./adapter").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let parts: Vec<&str> = name.split('/').collect();
        let good = name.len() <= LONGEST && parts.len() <= 2 && parts.iter().all(|part| is_part(part));
        let id = Self { name: name.into(), revision: revision.into() };
        (good && is_revision(revision)).then_some(id)
    }

    /// The repository that a path names: one that is neither a folder nor a file here and that is a name on the hub with an
    /// owner. A folder of that name wins over the hub, as in transformers.
    pub fn of_path(path: &Path) -> Option<Self> {
        if path.exists() {
            return None;
        }
        Self::parse(path.to_str()?).filter(|id| id.name.contains('/'))
    }

    /// The name without the revision.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, tag or commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Whether the revision is a whole commit hash, which always means the same files.
    pub(crate) fn is_commit(&self) -> bool {
        is_commit(&self.revision)
    }
}

/// `google/flan-t5-small`, or with the revision if it is not `main`.
impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            MAIN => f.write_str(&self.name),
            revision => write!(f, "{}@{revision}", self.name),
        }
    }
}

/// Whether a text is a whole commit hash.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The hub's rule: letters, digits, `-`, `_` and `.`; no `--` or `..`; neither `-` nor `.` at an end.
fn is_part(part: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: char| matches!(c, '-' | '.');
    !part.is_empty()
        && part.chars().all(good)
        && !part.starts_with(ends)
        && !part.ends_with(ends)
        && !part.contains("--")
        && !part.contains("..")
}

/// A revision becomes a path below `refs`: its parts are names of git, such as `refs/pr/1`.
fn is_revision(revision: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+');
    revision.len() <= 256
        && revision.chars().all(good)
        && revision.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hub_are_told_from_paths() {
        for name in ["gpt2", "google/flan-t5-small", "me/a_b.c@refs/pr/1", "me/x@0123abc"] {
            assert_eq!(RepoId::parse(name).map(|id| id.to_string()).as_deref(), Some(name));
        }
        let long = format!("me/{}", "x".repeat(94));
        for path in [
            "",
            "/a/b",
            "a/b/c",
            "./a",
            "../a",
            "a/",
            "a--b",
            "me/a b",
            "me/x@",
            "me/x@../y",
            "me/x@/y",
            &long,
        ] {
            assert_eq!(RepoId::parse(path), None, "{path}");
        }
        assert_eq!(RepoId::parse("me/x").unwrap().revision(), "main");
    }

    #[test]
    fn a_folder_wins_over_the_hub() {
        assert_eq!(RepoId::of_path(Path::new("src")), None);
        assert_eq!(RepoId::of_path(Path::new("gpt2")), None, "an owner is needed");
        assert!(RepoId::of_path(Path::new("google/flan-t5-small")).is_some());
        assert_eq!(RepoId::of_path(Path::new("src/lib.rs")), None);
    }
}
