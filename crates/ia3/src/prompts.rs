use ia3_models::ModelInputs;

/// The entries of a batch: texts, token ids, or tensors.
///
/// Methods take `impl Into<Prompts>`, which each of these is:
///
/// - token ids: `[[17, 4, 42, 1]]`, `Vec<Vec<i64>>`, `&[Vec<i64>]`;
/// - texts: `"date: 2009-05-31"`, `["first", "second"]`, `Vec<String>`, `&[String]`;
/// - [`ModelInputs`], tensors with their masks.
///
/// Entries of different lengths are padded on the side that the model needs.
#[derive(Clone, Debug)]
pub struct Prompts(pub(crate) Entries);

/// What the entries of a batch are.
#[derive(Clone, Debug)]
pub(crate) enum Entries {
    /// The token ids of each entry.
    Ids(Vec<Vec<i64>>),
    /// The text of each entry.
    #[cfg(feature = "data")]
    Texts(Vec<String>),
    /// Tensors, each `[batch, seq]`.
    Inputs(Box<ModelInputs>),
}

/// One entry of a batch: a text or the ids of its tokens.
pub trait Prompt: Sized {
    /// A batch of such entries.
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts;
}

fn ids(entries: impl IntoIterator<Item = Vec<i64>>) -> Prompts {
    Prompts(Entries::Ids(entries.into_iter().collect()))
}

impl Prompt for Vec<i64> {
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts {
        ids(entries)
    }
}

impl Prompt for &[i64] {
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts {
        ids(entries.into_iter().map(<[i64]>::to_vec))
    }
}

impl<const N: usize> Prompt for [i64; N] {
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts {
        ids(entries.into_iter().map(|entry| entry.to_vec()))
    }
}

#[cfg(feature = "data")]
impl Prompt for String {
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts {
        Prompts(Entries::Texts(entries.into_iter().collect()))
    }
}

#[cfg(feature = "data")]
impl Prompt for &str {
    fn batch(entries: impl IntoIterator<Item = Self>) -> Prompts {
        String::batch(entries.into_iter().map(str::to_string))
    }
}

impl<P: Prompt, const N: usize> From<[P; N]> for Prompts {
    fn from(entries: [P; N]) -> Self {
        P::batch(entries)
    }
}

impl<P: Prompt> From<Vec<P>> for Prompts {
    fn from(entries: Vec<P>) -> Self {
        P::batch(entries)
    }
}

impl<P: Prompt + Clone> From<&[P]> for Prompts {
    fn from(entries: &[P]) -> Self {
        P::batch(entries.iter().cloned())
    }
}

impl<P: Prompt + Clone> From<&Vec<P>> for Prompts {
    fn from(entries: &Vec<P>) -> Self {
        entries.as_slice().into()
    }
}

#[cfg(feature = "data")]
impl From<&str> for Prompts {
    fn from(text: &str) -> Self {
        [text].into()
    }
}

#[cfg(feature = "data")]
impl From<String> for Prompts {
    fn from(text: String) -> Self {
        [text].into()
    }
}

impl From<ModelInputs> for Prompts {
    fn from(inputs: ModelInputs) -> Self {
        Self(Entries::Inputs(Box::new(inputs)))
    }
}
