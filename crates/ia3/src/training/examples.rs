#[cfg(feature = "data")]
use std::path::PathBuf;

#[cfg(feature = "data")]
use ia3_data::{Answer, Fields, Layout, MAX_INPUT_TOKENS, Masking, TextExample};
use ia3_train::{Dataset, Example};

/// What a model learns from, or is evaluated on.
///
/// Methods take `impl Into<Examples>`, which each of these is:
///
/// - pairs of texts: `[("date: 2009-05-31", "the thirty-first of may two thousand nine")]`;
/// - texts with the number of a class: `[("a fine film", 1)]`;
/// - pairs of texts with the number of a class: `[(("a dog runs", "an animal moves"), 0)]`;
/// - pairs of token ids: `[(vec![17, 4, 1], vec![42, 1])]`, where both end with the end token that the model expects;
/// - [`Example`]s of token ids, [`TextExample`]s, or a [`Dataset`];
/// - the lines of a JSON file: [`Examples::json_lines`].
///
/// Lists may be arrays, vectors or slices.
///
/// ```
/// use ia3::Examples;
///
/// let dates = Examples::from([("date: 2009-05-31", "the thirty-first of may two thousand nine")]);
/// let reviews = Examples::json_lines("train.jsonl").with_max_input_tokens(64);
/// ```
#[derive(Clone, Debug)]
pub struct Examples {
    pub(super) source: Source,
    #[cfg(feature = "data")]
    pub(super) max_input_tokens: usize,
    #[cfg(feature = "data")]
    pub(super) max_target_tokens: usize,
    #[cfg(feature = "data")]
    pub(super) doc_stride: Option<usize>,
    #[cfg(feature = "data")]
    pub(super) masking: Masking,
    #[cfg(feature = "data")]
    pub(super) label_names: Option<Vec<String>>,
}

/// Where examples come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Token ids.
    Tokens(Dataset),
    /// Texts.
    #[cfg(feature = "data")]
    Texts(Vec<TextExample>),
    /// A file of JSON objects, one per line.
    #[cfg(feature = "data")]
    File(PathBuf, Layout),
}

impl Examples {
    fn of(source: Source) -> Self {
        Self {
            source,
            #[cfg(feature = "data")]
            max_input_tokens: MAX_INPUT_TOKENS,
            #[cfg(feature = "data")]
            max_target_tokens: MAX_INPUT_TOKENS,
            #[cfg(feature = "data")]
            doc_stride: None,
            #[cfg(feature = "data")]
            masking: Masking::new(),
            #[cfg(feature = "data")]
            label_names: None,
        }
    }
}

#[cfg(feature = "data")]
impl Examples {
    /// The rows of a file with one JSON object per line. [`Fields`] says which of its fields are looked for, such as `input`
    /// and `target`, or `text` and `label`.
    pub fn json_lines(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(path.into(), Layout::Fields(Fields::default())))
    }

    /// Sets how the rows of a file become examples: other fields, or prompt templates.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        if let Source::File(path, _) = self.source {
            self.source = Source::File(path, layout);
        }
        self
    }

    /// Sets the number of tokens to which inputs are cut, 256 otherwise. It has no effect on token ids.
    pub fn with_max_input_tokens(mut self, tokens: usize) -> Self {
        self.max_input_tokens = tokens;
        self
    }

    /// Sets the number of tokens to which targets are cut, 256 otherwise. It has no effect on token ids.
    pub fn with_max_target_tokens(mut self, tokens: usize) -> Self {
        self.max_target_tokens = tokens;
        self
    }

    /// Sets the number of tokens that two windows of a long context share, 128 otherwise. Only models that answer questions read a
    /// text in windows.
    pub fn with_doc_stride(mut self, tokens: usize) -> Self {
        self.doc_stride = Some(tokens);
        self
    }

    /// Sets how tokens of texts are hidden from a masked language model.
    pub fn with_masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// Sets the names of the classes, in the order of their numbers; the names in `config.json` otherwise.
    pub fn with_label_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.label_names = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

/// One example, as a list of them may hold it; see [`Examples`].
pub trait ExampleInput: Sized {
    /// A list of such examples.
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples;
}

impl ExampleInput for Example {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        Examples::of(Source::Tokens(list.into_iter().collect::<Vec<_>>().into()))
    }
}

impl ExampleInput for (Vec<i64>, Vec<i64>) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        Example::examples(list.into_iter().map(|(input, target)| Example::new(input, target)))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for TextExample {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        Examples::of(Source::Texts(list.into_iter().collect()))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for (&str, &str) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        <(String, String)>::examples(list.into_iter().map(|(input, target)| (input.into(), target.into())))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for (String, String) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        let text = |(input, target)| TextExample::new(input, Answer::Text(target));
        TextExample::examples(list.into_iter().map(text))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for (&str, usize) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        <(String, usize)>::examples(list.into_iter().map(|(input, class)| (input.into(), class)))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for (String, usize) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        let text = |(input, class)| TextExample::new(input, Answer::Class(class));
        TextExample::examples(list.into_iter().map(text))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for ((&str, &str), usize) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        let owned = |((input, pair), class): Self| ((input.to_string(), pair.to_string()), class);
        <((String, String), usize)>::examples(list.into_iter().map(owned))
    }
}

#[cfg(feature = "data")]
impl ExampleInput for ((String, String), usize) {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        let text =
            |((input, pair), class): Self| TextExample::new(input, Answer::Class(class)).with_text_pair(pair);
        TextExample::examples(list.into_iter().map(text))
    }
}

impl<E: ExampleInput, const N: usize> From<[E; N]> for Examples {
    fn from(list: [E; N]) -> Self {
        E::examples(list)
    }
}

impl<E: ExampleInput> From<Vec<E>> for Examples {
    fn from(list: Vec<E>) -> Self {
        E::examples(list)
    }
}

impl<E: ExampleInput + Clone> From<&[E]> for Examples {
    fn from(list: &[E]) -> Self {
        E::examples(list.iter().cloned())
    }
}

impl<E: ExampleInput + Clone> From<&Vec<E>> for Examples {
    fn from(list: &Vec<E>) -> Self {
        list.as_slice().into()
    }
}

impl From<Dataset> for Examples {
    fn from(data: Dataset) -> Self {
        Self::of(Source::Tokens(data))
    }
}

impl From<&Dataset> for Examples {
    fn from(data: &Dataset) -> Self {
        data.clone().into()
    }
}
