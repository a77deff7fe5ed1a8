use burn::tensor::FloatDType;

/// How a checkpoint is loaded. By default every tensor is taken by its name and keeps its dtype.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Other names that a parameter may have in the file: (Hugging Face's name in the model, name in the file). They are
    /// tried in order if the name itself is not in the file. Another tensor of the same bytes counts as used.
    pub aliases: Vec<(String, String)>,
    /// A prefix that the names of either side may have, such as `bert.` or `transformer.`.
    pub prefix: Option<String>,
    /// The dtype of the loaded weights: float32, float16 or bfloat16, rounded to nearest. `None` keeps the dtype of the
    /// file, except that float64 becomes float32.
    pub dtype: Option<FloatDType>,
    /// Modules whose parameters the file need not hold, such as `classifier`. They keep their values and are reported.
    pub optional: Vec<String>,
    /// Whether all parameters without a tensor keep their values and are only reported.
    pub allow_missing: bool,
}

impl LoadOptions {
    pub(crate) fn is_optional(&self, name: &str) -> bool {
        let inside = |module: &String| name.strip_prefix(module.as_str()).is_some_and(|r| r.starts_with('.'));
        self.allow_missing || self.optional.iter().any(inside)
    }
}
