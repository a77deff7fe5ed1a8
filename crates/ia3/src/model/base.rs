use std::path::{Path, PathBuf};

use ia3_core::QuantizeReport;
use ia3_io::LoadReport;
use ia3_models::{GenerationConfig, ModelConfig};

use super::tokenizer::LazyTokenizer;
use crate::error::Error;
use crate::generation_file::GenerationFile;
use crate::pretrained::Pretrained;

/// The tokens that [`Model::generate`](super::Model::generate) adds at most where nobody says how many.
const MAX_NEW_TOKENS: usize = 64;

/// What all models made from one base share.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// Without adapters.
    pub(super) module: ia3_models::Model,
    pub(super) config: Option<ModelConfig>,
    pub(super) folder: Option<PathBuf>,
    pub(super) report: LoadReport,
    pub(super) quantized: Option<QuantizeReport>,
    pub(super) generation: GenerationConfig,
    #[cfg_attr(not(feature = "data"), expect(dead_code, reason = "only texts need it"))]
    pub(super) tokenizer: LazyTokenizer,
}

impl Base {
    pub(super) fn pretrained(folder: &Path, pretrained: Pretrained) -> Result<Self, Error> {
        let Pretrained { model: module, config, report, quantized } = pretrained;
        let generation = GenerationFile::open(folder)?.applied_to(module.generation_config(MAX_NEW_TOKENS));
        Ok(Self {
            generation,
            config: Some(config),
            folder: Some(folder.into()),
            report,
            quantized,
            tokenizer: LazyTokenizer::of(folder),
            ..Self::in_memory(module)
        })
    }

    pub(super) fn in_memory(module: ia3_models::Model) -> Self {
        Self {
            generation: module.generation_config(MAX_NEW_TOKENS),
            module,
            config: None,
            folder: None,
            report: LoadReport::default(),
            quantized: None,
            tokenizer: LazyTokenizer::default(),
        }
    }
}
