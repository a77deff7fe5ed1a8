//! The model that an adapter file describes by its vectors.

use std::collections::BTreeMap;

use ia3_config::{Ia3Config, ModelInfo, ModuleInfo, ModuleKind};

use crate::adapter::file::{AdapterFile, FileVector};

impl AdapterFile {
    /// The facts of the smallest model that the file fits: one layer per vector, with as many inputs as outputs, `Conv1D` if
    /// `fan_in_fan_out` is set and linear otherwise. With them [`into_adapter`](Self::into_adapter) needs no base.
    pub fn infer_model(&self) -> ModelInfo {
        infer_model(&self.vectors, self.config.fan_in_fan_out)
    }

    /// The file with explicit targets in its configuration. If the configuration leaves them to the defaults of the
    /// architecture, they are taken from the vectors and their shapes.
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

/// A model with one layer per vector: a convolution if the shape of the vector says so, otherwise `Conv1D` or linear.
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
