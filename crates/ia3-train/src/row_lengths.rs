use std::iter::repeat_n;

use ia3_data::{Example, Target};
use ia3_models::Task;

use crate::train_config::TrainConfig;

/// Number of tokens of each entry of a batch.
#[derive(Default)]
pub(crate) struct RowLengths {
    pub(crate) inputs: Vec<usize>,
    pub(crate) targets: Vec<usize>,
}

impl RowLengths {
    /// Adds the entries of `examples` for a model of `task`.
    pub(crate) fn add(&mut self, examples: &[&Example], config: &TrainConfig, task: Task) {
        for example in examples {
            if let Target::Pairs { pairs, .. } = &example.target {
                self.inputs.extend(pairs.iter().map(|pair| pair.ids.len()));
                continue;
            }
            let (input, texts) = (example.input.len(), scored_texts(example, config));
            match task {
                Task::CausalLm => self.inputs.extend(texts.iter().map(|text| input + text)),
                Task::Seq2SeqLm => {
                    self.inputs.push(input);
                    self.targets.extend(texts);
                }
                Task::SpeechSeq2Seq => {
                    // The encoder reads no tokens.
                    self.inputs.push(0);
                    self.targets.extend(texts.iter().map(|text| input + text));
                }
                _ => self.inputs.push(input),
            }
        }
    }

    /// As [`add`](Self::add), but with one input per scored text, as batches need it whose entries have their own adapters.
    pub(crate) fn add_by_choice(&mut self, examples: &[&Example], config: &TrainConfig, task: Task) {
        self.add(examples, config, task);
        if task == Task::Seq2SeqLm {
            let more =
                |e: &&Example| repeat_n(e.input.len(), scored_texts(e, config).len().saturating_sub(1));
            self.inputs.extend(examples.iter().flat_map(more));
        }
    }
}

/// Number of tokens of each text that is scored.
fn scored_texts(example: &Example, config: &TrainConfig) -> Vec<usize> {
    match &example.target {
        Target::Class(_) | Target::Values(_) | Target::TokenClasses(_) | Target::Span(_) => vec![0],
        Target::Choices { choices, .. } if config.loss.compares() => choices.iter().map(Vec::len).collect(),
        target => vec![target.tokens().map_or(0, <[i64]>::len)],
    }
}
