//! An [`Ia3Model`] and its status as text.

use std::fmt;

use burn::module::Module;
use ia3_guard::quote;

use super::{AdapterModelStatus, Ia3Model, LayerStatus};

/// The status, and a line for each layer that an adapter scales.
impl<M: Module> fmt::Display for Ia3Model<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get_model_status())?;
        self.get_layer_status().iter().try_for_each(|layer| write!(f, "\n{layer}"))
    }
}

/// A line for the model, and one for each adapter.
impl fmt::Display for AdapterModelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adapter_model_type, trainable_params, total_params, .. } = self;
        let base_model_type = quote(&self.base_model_type);
        write!(
            f,
            "{adapter_model_type} over {base_model_type}: {} layers scaled, {trainable_params} of {total_params} \
             parameters trained",
            self.num_adapter_layers
        )?;
        self.available_adapters.iter().try_for_each(|name| {
            write!(f, "\n  {}: {}, {} bytes", quote(name), self.words(name), self.bytes[name])
        })
    }
}

impl AdapterModelStatus {
    /// `active, trained`, `merged`, `not active`, …
    fn words(&self, name: &String) -> String {
        let active = if self.active_adapters.contains(name) { "active" } else { "not active" };
        let merged = self.merged_adapters.contains(name).then_some("merged");
        let trained = self.requires_grad.get(name).copied().unwrap_or(false).then_some("trained");
        let words: Vec<&str> = [Some(active), merged, trained].into_iter().flatten().collect();
        words.join(", ")
    }
}

/// `encoder.…SelfAttention.k: Linear(24, 24), default (output), b (output)`; a `*` marks what is active.
impl fmt::Display for LayerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}: {}", quote(&self.name), self.module_type)?;
        for (name, placement) in &self.placements {
            let mark = if self.active_adapters.contains(name) { "*" } else { "" };
            write!(f, ", {}{mark} ({placement})", quote(name))?;
        }
        Ok(())
    }
}
