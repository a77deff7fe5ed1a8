//! From a configuration and a model to a plan.

use crate::{ConfigError, Ia3Config, ModelInfo, Plan, PlanOptions};

impl Ia3Config {
    /// Checks what PEFT's constructor checks.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Finds the layers that get a vector.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn plan(&self, _model: &ModelInfo, _options: PlanOptions) -> Result<Plan, ConfigError> {
        Err(ConfigError::UnknownTaskType {
            found: String::new(),
        })
    }
}
