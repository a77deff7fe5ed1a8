//! The methods of an [`Architecture`](crate::architecture::Architecture) that are methods of the model itself.

/// Defines the methods of [`Architecture`](crate::architecture::Architecture) that a decoder or an encoder-decoder has under the same name.
macro_rules! own_methods {
    () => {
        fn info(&self) -> ia3_core::ModelInfo {
            self.info()
        }

        fn float32_states(&self) -> bool {
            self.config.float32_states
        }

        fn with_own_head(self) -> Self {
            self.with_own_head()
        }

        fn last_logits(
            &self,
            inputs: &crate::ModelInputs,
        ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
            self.last_logits(inputs)
        }

        fn row_losses(
            &self,
            inputs: &crate::ModelInputs,
            labels: burn::tensor::Tensor<2, burn::tensor::Int>,
        ) -> Result<crate::RowLosses, crate::ModelError> {
            self.row_losses(inputs, labels)
        }

        fn generation_config(&self, max_new_tokens: usize) -> crate::GenerationConfig {
            self.generation_config(max_new_tokens)
        }

        fn generate_with(
            &self,
            inputs: &crate::ModelInputs,
            config: &crate::GenerationConfig,
            on_step: impl FnMut(crate::Step),
        ) -> Result<crate::Generated, crate::ModelError> {
            self.generate_with(inputs, config, on_step)
        }
    };
}

pub(crate) use own_methods;
