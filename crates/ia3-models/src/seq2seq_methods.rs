//! The public methods of every encoder-decoder.

/// Defines the public methods of a [`Seq2SeqLm`](crate::seq2seq::Seq2SeqLm), which are the same for each model.
macro_rules! seq2seq_lm_methods {
    ($model:ty, $config:ty, task: $task:expr, tables: $tables:expr) => {
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

            /// Computes the logits `[batch, decoder_seq, vocab]` of the whole input of the decoder.
            ///
            /// # Errors
            ///
            /// [`ModelError::Input`](crate::ModelError::Input) if the input of the encoder or `decoder_input_ids` is missing, or a shape
            /// or an id does not fit.
            pub fn forward(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<3>, crate::ModelError> {
                Ok(crate::seq2seq::run(self, inputs, false)?.logits)
            }

            /// Computes only the logits `[batch, vocab]` at the last real token of each row of the decoder's input.
            ///
            /// # Errors
            ///
            /// The errors are those of [`forward`](Self::forward).
            pub fn last_logits(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::seq2seq::last_logits(self, inputs)
            }

            /// Generates from `input_ids` and `attention_mask`, or from `input_features`. The encoder runs once, and keys and values are cached.
            ///
            /// # Errors
            ///
            /// - The errors of [`forward`](Self::forward).
            /// - [`ModelError::Generation`](crate::ModelError::Generation): a setting has a value that is not possible.
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
                crate::answer_inputs::generate(self, inputs, config, on_step)
            }

            /// The mean cross entropy per target token of `labels` `[batch, seq]`, without those that are
            /// [`IGNORE_INDEX`](crate::IGNORE_INDEX). If there is no input for the decoder, it is made from the labels with
            /// [`shift_right`](Self::shift_right).
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

            /// The cross entropy of each row, as in [`loss`](Self::loss).
            ///
            /// # Errors
            ///
            /// The errors are those of [`forward`](Self::forward).
            pub fn row_losses(
                &self,
                inputs: &crate::ModelInputs,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
            ) -> Result<crate::RowLosses, crate::ModelError> {
                crate::seq2seq::losses(self, inputs, labels)
            }

            /// The log-likelihoods `[rows, seq]` of `labels` `[rows, seq]`. They are 0 for labels that are
            /// [`IGNORE_INDEX`](crate::IGNORE_INDEX).
            ///
            /// Row `r` of the labels is a text after row `input_of[r]` of the inputs. Each input is encoded once, and its keys
            /// and values for the decoder are computed once. The input of the decoder is [`shift_right`](Self::shift_right) of
            /// the labels. If the rows have their own adapters ([`attach_rows`](ia3_core::attach_rows)), these rows are those
            /// of the labels, and each of them encodes its input.
            ///
            /// # Errors
            ///
            /// [`ModelError::Input`](crate::ModelError::Input) if `input_ids` is missing, or if a shape, an id or a row does
            /// not fit.
            pub fn log_likelihoods(
                &self,
                inputs: &crate::ModelInputs,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
                input_of: &[usize],
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::seq2seq::log_likelihoods(self, inputs, labels, input_of)
            }

            /// The decoder's input for `labels` `[batch, seq]`: all labels except the last, with the padding token in place of
            /// ignored labels, after the token that starts every sequence of the decoder. mBART starts with the last token of
            /// each row that is not padding, which names the language.
            pub fn shift_right(
                &self,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
            ) -> burn::tensor::Tensor<2, burn::tensor::Int> {
                crate::seq2seq::shift_right(self, labels)
            }
        }

        impl crate::architecture::Architecture for $model {
            crate::own_methods::own_methods!();

            fn task(&self) -> crate::Task {
                $task
            }

            fn pad_token_id(&self) -> i64 {
                crate::seq2seq::Seq2SeqLm::facts(self).pad_token_id
            }

            fn token_embeddings(&self) -> Vec<String> {
                $tables.map(str::to_string).into()
            }

            fn run(
                &self,
                inputs: &crate::ModelInputs,
                traced: bool,
            ) -> Result<crate::ModelOutput, crate::ModelError> {
                crate::seq2seq::run(self, inputs, traced)
            }

            fn slots(&self, slots: usize, capacity: usize) -> Result<crate::Slots, crate::ModelError> {
                if crate::architecture::Architecture::task(self) != crate::Task::Seq2SeqLm {
                    return self.without_slots();
                }
                let layers = crate::seq2seq::Seq2SeqLm::facts(self).decoder_layers;
                Ok(crate::Slots::with_inputs(layers, slots, capacity))
            }

            fn longest_sequence(&self) -> Option<usize> {
                crate::seq2seq::Seq2SeqLm::facts(self).max_positions
            }

            fn decoder_start(
                &self,
                config: &crate::GenerationConfig,
            ) -> Result<Option<Vec<i64>>, crate::ModelError> {
                crate::decoder_prompt::start_tokens(self, config).map(Some)
            }

            fn read_input(
                &self,
                slots: &mut crate::Slots,
                slot: usize,
                ids: &[i64],
            ) -> Result<(), crate::ModelError> {
                crate::slots::read_input(self, slots, slot, ids)
            }

            fn read_tokens(
                &self,
                slots: &mut crate::Slots,
                tokens: &[crate::SlotTokens],
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::slots::read_answers(self, slots, tokens)
            }

            fn next_logits(
                &self,
                states: burn::tensor::Tensor<2>,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                Ok(crate::slots::answer_logits(self, states))
            }

            fn log_likelihoods(
                &self,
                inputs: &[(&[i64], &[Vec<i64>])],
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
                device: &burn::tensor::Device,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::seq2seq::log_likelihoods_of_texts(self, inputs, labels, device)
            }
        }
    };
}

pub(crate) use seq2seq_lm_methods;
