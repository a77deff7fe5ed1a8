use crate::rules::{Rules, Verdict};
use crate::{ConfigError, ModelInfo, ModuleInfo};

/// The modules of a model, grouped by the verdict of the rules.
pub(crate) struct Sorted<'m> {
    pub(crate) targets: Vec<&'m ModuleInfo>,
    pub(crate) excluded: Vec<&'m ModuleInfo>,
    pub(crate) others: Vec<&'m ModuleInfo>,
    /// The first target that cannot have a vector. The modules after it are not grouped.
    pub(crate) unsupported: Option<&'m ModuleInfo>,
}

impl<'m> Sorted<'m> {
    pub(crate) fn new(rules: &Rules, model: &'m ModelInfo) -> Result<Self, ConfigError> {
        let mut sorted =
            Self { targets: Vec::new(), excluded: Vec::new(), others: Vec::new(), unsupported: None };
        for module in model.modules.iter().filter(|module| !module.path.is_empty()) {
            match rules.verdict(&module.path)? {
                Verdict::Target if !module.kind.is_adaptable() => {
                    sorted.unsupported = Some(module);
                    break;
                }
                Verdict::Target => sorted.targets.push(module),
                Verdict::Excluded => sorted.excluded.push(module),
                Verdict::Other => sorted.others.push(module),
            }
        }
        Ok(sorted)
    }

    /// The layers that can be adapted but are not targets.
    pub(crate) fn adaptable_others(&self) -> Vec<&'m ModuleInfo> {
        let adaptable = self.others.iter().filter(|module| module.kind.is_adaptable());
        adaptable.copied().collect()
    }
}
