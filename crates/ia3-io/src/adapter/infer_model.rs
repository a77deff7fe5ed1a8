//! What an adapter file says of its model.

use std::collections::BTreeMap;

use ia3_config::{Ia3Config, ModelInfo, ModuleInfo, ModuleKind};

use crate::adapter::file::{AdapterFile, FileVector};

impl AdapterFile {
    /// The facts of the smallest model that the file fits: one layer for each of its vectors, with as many inputs as
    /// outputs; linear or `Conv1D` as `fan_in_fan_out` says. With them [`into_adapter`](Self::into_adapter) needs no base.
    pub fn infer_model(&self) -> ModelInfo {
        infer_model(&self.vectors, self.config.fan_in_fan_out)
    }

    /// The file with its configuration spelt out: where that leaves targets to the architecture's defaults, the vectors
    /// that are there and their shapes say the same.
    pub fn spell_out(mut self) -> Self {
        let named = |f: fn(&FileVector) -> bool| -> Vec<String> {
            self.vectors.iter().filter(|(_, v)| f(v)).map(|(path, _)| path.clone()).collect()
        };
        let (all, inputs) = (named(|_| true), named(|v| matches!(v.shape.as_slice(), [1, _])));
        let Ia3Config { target_modules, feedforward_modules, .. } = &mut self.config;
        target_modules.get_or_insert_with(|| all.into());
        feedforward_modules.get_or_insert_with(|| inputs.into());
        self
    }
}

/// A model of one layer for each vector, linear or `Conv1D`, or a convolution by the vector's shape.
pub fn infer_model(vectors: &BTreeMap<String, FileVector>, is_conv1d: bool) -> ModelInfo {
    let layer = |(path, vector): (&String, &FileVector)| ModuleInfo::new(path, kind(vector, is_conv1d));
    ModelInfo { model_type: None, modules: vectors.iter().map(layer).collect() }
}

fn kind(vector: &FileVector, is_conv1d: bool) -> ModuleKind {
    let (n, bias) = (vector.values.len(), false);
    match vector.shape.len() {
        4 => ModuleKind::Conv2d { channels_in: Some(n), channels_out: n, bias },
        5 => ModuleKind::Conv3d { channels_in: Some(n), channels_out: n, bias },
        _ if is_conv1d => ModuleKind::Conv1D { d_in: n, d_out: n, bias },
        _ => ModuleKind::Linear { d_in: n, d_out: n, bias },
    }
}
