//! What every decoder-only model says to the table of architectures.

/// Implements the traits of the table of architectures for a [`CausalLm`](crate::causal::CausalLm) and its configuration.
macro_rules! causal_architecture {
    (
        $model:ty, $config:ty,
        types: $types:expr,
        prefix: $prefix:literal,
        embedding: $embedding:literal
        $(, old_head: $old_head:literal)?
        $(, other_names: $other_names:path)?
    ) => {
        impl crate::architecture::Architecture for $model {
            crate::own_methods::own_methods!();

            fn task(&self) -> crate::Task {
                self.config.head.as_ref().map_or(crate::Task::CausalLm, |head| head.task)
            }

            fn num_labels(&self) -> Option<usize> {
                self.config.head.as_ref().map(crate::HeadConfig::count)
            }

            fn class_name(&self) -> Option<String> {
                self.score.as_ref().and_then(|_| crate::decoder_head::class_name(self.config.hugging_face_type()))
            }

            fn problem(&self) -> Option<crate::ProblemType> {
                self.config.head.as_ref().map(crate::HeadConfig::problem)
            }

            fn value_losses(
                &self,
                inputs: &crate::ModelInputs,
                values: burn::tensor::Tensor<2>,
            ) -> Result<crate::RowLosses, crate::ModelError> {
                self.value_losses(inputs, values)
            }

            fn pad_token_id(&self) -> i64 {
                self.config.pad_token_id()
            }

            fn token_embeddings(&self) -> Vec<String> {
                $embedding.strip_suffix(".weight").map(str::to_string).into_iter().collect()
            }

            $(
                fn checkpoint_names(&self) -> Vec<(String, String)> {
                    let names = vec![(crate::architecture::HEAD.into(), $old_head.into())];
                    if self.score.is_some() { vec![] } else { names }
                }
            )?

            fn run(
                &self,
                inputs: &crate::ModelInputs,
                traced: bool,
            ) -> Result<crate::ModelOutput, crate::ModelError> {
                self.run(inputs, traced)
            }

            fn slots(&self, slots: usize, capacity: usize) -> Result<crate::Slots, crate::ModelError> {
                if self.score.is_some() {
                    return self.without_slots();
                }
                Ok(crate::Slots::new(crate::causal::CausalLm::facts(self).layers, slots, capacity))
            }

            fn longest_sequence(&self) -> Option<usize> {
                crate::slots::longest_sequence(self)
            }

            fn read_tokens(
                &self,
                slots: &mut crate::Slots,
                tokens: &[crate::SlotTokens],
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::slots::read_tokens(self, slots, tokens)
            }

            fn next_logits(
                &self,
                states: burn::tensor::Tensor<2>,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                Ok(crate::slots::next_logits(self, states))
            }

            fn log_likelihoods(
                &self,
                inputs: &[(&[i64], &[Vec<i64>])],
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
                device: &burn::tensor::Device,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                if self.score.is_some() {
                    return self.unsupported("is a classifier, which computes no likelihood of a text");
                }
                let pad_token_id = self.config.pad_token_id();
                let rows = crate::joined_rows::JoinedRows::new(inputs, pad_token_id, device);
                crate::causal::log_likelihoods(self, &rows, labels)
            }
        }

        impl crate::architecture::ArchitectureConfig for $config {
            const MODEL_TYPES: &'static [&'static str] = &$types;

            fn read(text: &str) -> Result<Self, crate::ModelError> {
                Self::from_json(text)
            }

            fn model_type(&self) -> &str {
                self.hugging_face_type()
            }

            fn vocab_size(&self) -> usize {
                self.vocab_size
            }

            fn base_model_prefix(&self) -> Option<&'static str> {
                Some($prefix)
            }

            fn set_tied_head(&mut self, tied: bool) {
                self.tie_word_embeddings = tied;
            }

            fn set_float32_states(&mut self, float32: bool) {
                self.float32_states = float32;
            }

            fn tied_embedding(&self) -> Option<&'static str> {
                (self.tie_word_embeddings && self.head.is_none()).then_some($embedding)
            }

            fn optional_modules(&self) -> &'static [&'static str] {
                if self.head.is_some() { &["score"] } else { &[] }
            }

            fn classifier(&self) -> Option<&'static str> {
                self.head.as_ref().map(|_| "score")
            }

            fn head(&self) -> Option<&crate::HeadConfig> {
                self.head.as_ref()
            }

            fn head_mut(&mut self) -> Option<&mut crate::HeadConfig> {
                self.head.as_mut()
            }

            fn set_task(&mut self, task: crate::Task) -> bool {
                match task {
                    crate::Task::CausalLm => self.head = None,
                    crate::Task::SequenceClassification => {
                        self.head.get_or_insert_default();
                    }
                    _ => return false,
                }
                true
            }

            $(
                const OLD_HEAD: Option<&'static str> = Some($old_head);
            )?

            $(
                fn other_names(&self) -> Vec<(String, String)> {
                    $other_names(self)
                }
            )?
        }

        impl $config {
            /// The id of the padding token: `pad_token_id`, or the end token if there is none, as in Hugging Face.
            pub fn pad_token_id(&self) -> i64 {
                self.pad_token_id.or(self.eos_token_id.first().copied()).unwrap_or(0)
            }
        }
    };
}

pub(crate) use causal_architecture;
