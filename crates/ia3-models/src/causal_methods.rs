//! The public methods of every decoder-only model.

/// Defines the public methods of a [`CausalLm`]. They are the same for each model.
macro_rules! causal_lm_methods {
    (
        $model:ty, $config:ty,
        types: $types:expr,
        prefix: $prefix:literal,
        embedding: $embedding:literal
        $(, old_head: $old_head:literal)?
        $(, other_names: $other_names:path)?
    ) => {
        impl ia3_core::ActivationSpace for $model {
            fn info(&self) -> ia3_core::ModelInfo {
                self.info()
            }

            fn embeddings_by_row(&self) -> Vec<String> {
                crate::architecture::Architecture::token_embeddings(self)
            }

            fn float32_states(&self) -> bool {
                self.config.float32_states
            }
        }

        impl $model {
            /// The configuration that the model was made from.
            pub fn config(&self) -> &$config {
                &self.config
            }

            /// The same function with a head of its own where the head was the embedding; see
            /// [`Model::with_own_head`](crate::Model::with_own_head).
            pub fn with_own_head(mut self) -> Self {
                if let (None, embedding, None) = {
                    let (head, embedding) = crate::causal::CausalLm::head(&self);
                    (head, embedding, &self.score)
                } {
                    let own = crate::layers::own_head(embedding);
                    self.lm_head = self.lm_head.with_own(Some(own));
                    self.config.tie_word_embeddings = false;
                }
                self
            }

            /// Computes the logits `[batch, seq, vocab]`, or `[batch, 1, num_labels]` of a classifier.
            ///
            /// As in Hugging Face, positions count from 0 in every row if there are no `position_ids`. A batch that is
            /// padded on the left needs `position_ids`.
            ///
            /// # Errors
            ///
            /// [`ModelError::Input`](crate::ModelError::Input) if an input is missing or does not fit.
            pub fn forward(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<3>, crate::ModelError> {
                Ok(self.run(inputs, false)?.logits)
            }

            pub(crate) fn run(
                &self,
                inputs: &crate::ModelInputs,
                traced: bool,
            ) -> Result<crate::ModelOutput, crate::ModelError> {
                match &self.score {
                    Some(score) => {
                        let pad = self.config.pad_token_id;
                        crate::decoder_head::classify(self, score, pad, inputs, traced)
                    }
                    None => crate::causal::run(self, inputs, traced),
                }
            }

            /// Computes the logits `[batch, vocab]` at the last real token of each batch entry, or `[batch, num_labels]` of a
            /// classifier.
            ///
            /// # Errors
            ///
            /// The errors are those of [`forward`](Self::forward).
            pub fn last_logits(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                match self.score {
                    Some(_) => Ok(self.run(inputs, false)?.logits.squeeze_dim(1)),
                    None => crate::causal::last_logits(self, inputs),
                }
            }

            /// The mean cross entropy of the next token. `labels` `[batch, seq]` are the tokens themselves, which this
            /// function shifts, as in Hugging Face. Those of a classifier are the classes `[batch, 1]`. Labels that are
            /// [`IGNORE_INDEX`](crate::IGNORE_INDEX) are left out.
            ///
            /// # Errors
            ///
            /// The errors are those of [`forward`](Self::forward).
            pub fn loss(
                &self,
                inputs: &crate::ModelInputs,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
            ) -> Result<burn::tensor::Tensor<1>, crate::ModelError> {
                Ok(self.row_losses(inputs, labels)?.mean())
            }

            /// The cross entropy of each batch entry, as in [`loss`](Self::loss).
            ///
            /// # Errors
            ///
            /// The errors are those of [`forward`](Self::forward).
            pub fn row_losses(
                &self,
                inputs: &crate::ModelInputs,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
            ) -> Result<crate::RowLosses, crate::ModelError> {
                let Some(head) = &self.config.head else { return crate::causal::losses(self, inputs, labels) };
                let logits = || self.forward(inputs);
                let model_type = self.config.hugging_face_type();
                crate::sequence_losses::class_losses(head, model_type, labels, logits)
            }

            /// The loss of each batch entry of a regression, or of a classification with several classes per entry; see
            /// [`Model::value_losses`](crate::Model::value_losses).
            ///
            /// # Errors
            ///
            /// - The errors of [`forward`](Self::forward).
            /// - [`ModelError::Unsupported`](crate::ModelError::Unsupported): the labels of the model are no values.
            pub fn value_losses(
                &self,
                inputs: &crate::ModelInputs,
                values: burn::tensor::Tensor<2>,
            ) -> Result<crate::RowLosses, crate::ModelError> {
                let Some(head) = &self.config.head else { return self.unsupported("has labels that are ids, not values") };
                let logits = || self.forward(inputs);
                let model_type = self.config.hugging_face_type();
                crate::sequence_losses::value_losses(head, model_type, values, logits)
            }

            fn unsupported<T>(&self, problem: &'static str) -> Result<T, crate::ModelError> {
                let model_type = self.config.hugging_face_type().to_string();
                Err(crate::ModelError::Unsupported { model_type, problem })
            }

            /// Continues the prompts of `input_ids`. Keys and values are cached.
            ///
            /// Prompts may be padded on either side; `attention_mask` marks the padding. Positions count the real tokens, and
            /// `position_ids` is not read. The result holds the prompts with their padding, followed by the new tokens.
            ///
            /// # Errors
            ///
            /// - The errors of [`forward`](Self::forward).
            /// - [`ModelError::Generation`](crate::ModelError::Generation): a setting has a value that is not possible.
            /// - [`ModelError::Unsupported`](crate::ModelError::Unsupported): the model is a classifier.
            pub fn generate(
                &self,
                inputs: &crate::ModelInputs,
                config: &crate::GenerationConfig,
            ) -> Result<crate::Generated, crate::ModelError> {
                self.generate_with(inputs, config, |_| ())
            }

            /// Generates as [`generate`](Self::generate) does, and calls `on_step` after each step.
            ///
            /// # Errors
            ///
            /// The errors are those of [`generate`](Self::generate).
            pub fn generate_with(
                &self,
                inputs: &crate::ModelInputs,
                config: &crate::GenerationConfig,
                on_step: impl FnMut(crate::Step),
            ) -> Result<crate::Generated, crate::ModelError> {
                if self.score.is_some() {
                    return self.unsupported("is a classifier, which generates no text");
                }
                crate::continue_prompts::generate(self, inputs, config, on_step)
            }

            /// The settings of generation from the configuration, with `max_new_tokens`.
            pub fn generation_config(&self, max_new_tokens: usize) -> crate::GenerationConfig {
                let config = crate::GenerationConfig::new(max_new_tokens, self.config.eos_token_id.clone());
                config.with_pad_token_id(self.config.pad_token_id())
            }
        }

        crate::causal_architecture::causal_architecture! {
            $model, $config,
            types: $types,
            prefix: $prefix,
            embedding: $embedding
            $(, old_head: $old_head)?
            $(, other_names: $other_names)?
        }
    };
}

pub(crate) use causal_lm_methods;
