use burn::tensor::{Device, Int, Tensor};
use ia3_data::{Example, Target};
use ia3_models::{IGNORE_INDEX, Model, ModelInputs, PaddingSide, Task};

use crate::objective::CausalLoss;

/// Examples as padded tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `input_ids` and `attention_mask`, `[batch, seq]`; input and target in one row for a decoder alone.
    pub inputs: ModelInputs,
    /// Target ids, [`IGNORE_INDEX`] elsewhere: `[batch, target_seq]`, or as `input_ids` for a decoder alone; `[batch, 1]`
    /// classes for a classifier.
    pub labels: Tensor<2, Int>,
    /// Real tokens of inputs and target texts together.
    pub tokens: usize,
    /// Labels that the loss is a mean of.
    pub labelled: usize,
}

/// Pads `examples` on the right to the longest of the batch, as `model` takes them. The loss is that of the targets; of
/// several choices the right one is the target.
pub fn collate(examples: &[&Example], model: &Model, device: &Device) -> Batch {
    collate_for(CausalLoss::Target, examples, model, device)
}

/// As [`collate`], with what a decoder alone answers for.
pub(crate) fn collate_for(
    causal: CausalLoss,
    examples: &[&Example],
    model: &Model,
    device: &Device,
) -> Batch {
    let together = model.task() == Task::CausalLm;
    let whole = |e: &&Example| [e.input.as_slice(), &target(e)].concat();
    let ignored = |e: &&Example| [vec![IGNORE_INDEX; e.input.len()], target(e)].concat();
    let rows = |f: &dyn Fn(&&Example) -> Vec<i64>| examples.iter().map(f).collect::<Vec<_>>();
    let (inputs, labels) = match (together, causal) {
        (true, CausalLoss::All) => (rows(&whole), rows(&whole)),
        (true, CausalLoss::Target) => (rows(&whole), rows(&ignored)),
        (false, _) => (rows(&|e| e.input.clone()), rows(&|e| target(e))),
    };
    let padded = |rows: &[Vec<i64>], with| ModelInputs::from_rows(rows, with, PaddingSide::Right, device);
    // The first token of a decoder's row is predicted by nothing.
    let counts = |row: &Vec<i64>| row.iter().skip(together.into()).filter(|id| **id != IGNORE_INDEX).count();
    Batch {
        inputs: padded(&inputs, model.pad_token_id()),
        labelled: labels.iter().map(counts).sum(),
        labels: padded(&labels, IGNORE_INDEX).input_ids.expect("`from_rows` gives ids"),
        tokens: examples.iter().map(|e| e.input.len() + e.target.tokens().map_or(0, <[i64]>::len)).sum(),
    }
}

/// The ids that the loss is about: those of the text, or the number of the class.
pub(crate) fn target(example: &Example) -> Vec<i64> {
    match &example.target {
        Target::Class(class) => vec![*class as i64],
        target => target.tokens().unwrap_or_default().to_vec(),
    }
}

/// The inputs alone, padded as `model` generates from them.
pub(crate) fn prompts(examples: &[&Example], model: &Model, device: &Device) -> ModelInputs {
    let rows: Vec<Vec<i64>> = examples.iter().map(|e| e.input.clone()).collect();
    ModelInputs::from_rows(&rows, model.pad_token_id(), model.padding_side(), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ia3_models::ModelConfig;

    const GPT2: &str = r#"{"model_type": "gpt2", "pad_token_id": 0}"#;

    fn ids(t: Tensor<2, Int>) -> Vec<i64> {
        t.into_data().iter().collect()
    }

    fn batch(config: &str, causal: CausalLoss) -> Batch {
        let model = ModelConfig::from_json(config).unwrap().init(&Device::flex());
        let short = Example { input: vec![5, 1], target: vec![7, 8, 1].into() };
        let long = Example { input: vec![5, 6, 1], target: vec![1].into() };
        collate_for(causal, &[&short, &long], &model, &Device::flex())
    }

    #[test]
    fn rows_are_padded_to_the_longest() {
        let batch = batch(r#"{"model_type": "t5"}"#, CausalLoss::Target);
        assert_eq!(ids(batch.inputs.input_ids.unwrap()), [5, 1, 0, 5, 6, 1]);
        assert_eq!(ids(batch.inputs.attention_mask.unwrap()), [1, 1, 0, 1, 1, 1]);
        assert_eq!(ids(batch.labels), [7, 8, 1, 1, -100, -100]);
        assert_eq!((batch.tokens, batch.labelled), (9, 4));
    }

    #[test]
    fn a_decoder_reads_input_and_target_and_answers_for_the_target() {
        let batch = batch(GPT2, CausalLoss::Target);
        assert_eq!(ids(batch.inputs.input_ids.unwrap()), [5, 1, 7, 8, 1, 5, 6, 1, 1, 0]);
        assert_eq!(ids(batch.inputs.attention_mask.unwrap()), [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(ids(batch.labels), [-100, -100, 7, 8, 1, -100, -100, -100, 1, -100]);
        assert_eq!((batch.tokens, batch.labelled), (9, 4));
    }

    #[test]
    fn a_decoder_may_answer_for_its_input_too() {
        let batch = batch(GPT2, CausalLoss::All);
        assert_eq!(ids(batch.labels), [5, 1, 7, 8, 1, 5, 6, 1, 1, -100]);
        assert_eq!((batch.tokens, batch.labelled), (9, 7));
    }
}
