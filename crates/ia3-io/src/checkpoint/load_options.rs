use burn::tensor::{DType, FloatDType};

/// How a checkpoint is loaded. By default every tensor is taken by its name and keeps its dtype.
///
/// ```
/// use burn::tensor::FloatDType;
/// use ia3_io::LoadOptions;
///
/// let options = LoadOptions::new().with_prefix("bert.").with_dtype(FloatDType::F32);
/// assert_eq!(options.prefix.as_deref(), Some("bert."));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Other names that a parameter may have in the file: (Hugging Face's name in the model, name in the file). They are
    /// tried in order if the name itself is not in the file. Another tensor of the same bytes counts as used.
    pub aliases: Vec<(String, String)>,
    /// A prefix that the names of either side may have, such as `bert.` or `transformer.`.
    pub prefix: Option<String>,
    /// The dtype of the loaded weights: float32, float16 or bfloat16, rounded to nearest. `None` keeps the dtype of the
    /// file, except that float64 becomes float32.
    pub dtype: Option<FloatDType>,
    /// Whether the weights of linear layers that another program quantised stay integers, as far as that is possible, instead of
    /// becoming floats. [`LoadReport::kept`](crate::LoadReport::kept) and [`LoadReport::decoded`](crate::LoadReport::decoded) say
    /// which did.
    pub keep_quantized: bool,
    /// Names of modules, such as `wo`, that keep a larger range where [`dtype`](Self::dtype) is float16: what the file does
    /// not hold in float16 is loaded as float32 (`_keep_in_fp32_modules` of transformers).
    pub keep_in_float32: Vec<String>,
    /// Modules whose parameters the file need not hold, such as `classifier`. They keep their values and are reported.
    pub optional: Vec<String>,
    /// Whether all parameters without a tensor keep their values and are only reported.
    pub allow_missing: bool,
}

impl LoadOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`aliases`](Self::aliases).
    pub fn with_aliases(mut self, aliases: Vec<(String, String)>) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets [`prefix`](Self::prefix).
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets [`dtype`](Self::dtype).
    pub fn with_dtype(mut self, dtype: FloatDType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Sets [`keep_quantized`](Self::keep_quantized).
    pub fn with_keep_quantized(mut self, keep: bool) -> Self {
        self.keep_quantized = keep;
        self
    }

    /// Sets [`keep_in_float32`](Self::keep_in_float32).
    pub fn with_keep_in_float32(mut self, modules: Vec<String>) -> Self {
        self.keep_in_float32 = modules;
        self
    }

    /// Sets [`optional`](Self::optional).
    pub fn with_optional(mut self, modules: Vec<String>) -> Self {
        self.optional = modules;
        self
    }

    /// Sets [`allow_missing`](Self::allow_missing).
    pub fn with_allow_missing(mut self, allow: bool) -> Self {
        self.allow_missing = allow;
        self
    }

    /// The dtype of a parameter that the file holds as `stored`.
    pub(crate) fn dtype_of(&self, name: &str, stored: DType) -> DType {
        match self.dtype {
            None => stored,
            Some(FloatDType::F16) if stored != DType::F16 && self.keeps_in_float32(name) => DType::F32,
            Some(dtype) => dtype.into(),
        }
    }

    fn keeps_in_float32(&self, name: &str) -> bool {
        name.split('.').any(|module| self.keep_in_float32.iter().any(|kept| kept == module))
    }

    pub(crate) fn is_optional(&self, name: &str) -> bool {
        let inside = |module: &String| name.strip_prefix(module.as_str()).is_some_and(|r| r.starts_with('.'));
        self.allow_missing || self.optional.iter().any(inside)
    }
}
