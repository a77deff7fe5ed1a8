use ia3_config::ModelInfo;

use crate::feed_forward::FeedForwardSite;

/// How an adapter is converted. The default needs no facts of the base.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// Where the vectors of gated feed-forward blocks are placed. `None` leaves them where they are for PEFT's format, and
    /// moves them to the output of `wi_1` for T-Few and AdapterHub, which have no other place for them.
    pub site: Option<FeedForwardSite>,
    /// The facts of the base: the names of its layers, and whether its feed-forward blocks are gated.
    pub base: Option<ModelInfo>,
    /// The name or path of the base model for the configuration. `None` keeps the name in the source.
    pub base_name: Option<String>,
}

impl ConvertOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`site`](Self::site).
    pub fn with_site(mut self, site: FeedForwardSite) -> Self {
        self.site = Some(site);
        self
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
