use ia3_config::ModelInfo;

/// How an adapter is saved. The default is right for adapters without matrices saved whole.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AdapterOptions {
    /// The facts of the base. They are needed only for an adapter that holds matrices saved whole (`modules_to_save`),
    /// because the layout of a matrix in the file depends on the type of its layer.
    pub base: Option<ModelInfo>,
    /// The name or path of the base model for `adapter_config.json`. `None` keeps the name in the configuration.
    pub base_name: Option<String>,
}

impl AdapterOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`base`](Self::base).
    pub fn with_base(mut self, base: ModelInfo) -> Self {
        self.base = Some(base);
        self
    }

    /// Sets [`base_name`](Self::base_name).
    pub fn with_base_name(mut self, name: impl Into<String>) -> Self {
        self.base_name = Some(name.into());
        self
    }
}
