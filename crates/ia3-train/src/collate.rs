use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3_data::{Example, Pixels, SoundFeatures, Target};
use ia3_models::{IGNORE_INDEX, Model, ModelInputs, PaddingSide, Task};

use crate::loss_config::CausalLoss;
use crate::token_types::token_types;

/// Examples as padded tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `pixel_values` of images; `input_features` of sounds; else `input_ids` and `attention_mask`, each `[batch, seq]`, and for inputs of two texts `token_type_ids` where the
    /// model has them. Each choice is a row. For a decoder without an encoder a row
    /// is the input followed by the target.
    pub inputs: ModelInputs,
    /// Target ids, and [`IGNORE_INDEX`] where there is no label. The shape is `[batch, target_seq]` for an encoder-decoder,
    /// that of `input_ids` for a decoder without an encoder and for a classifier of tokens, `[batch, 1]` (classes or choices)
    /// for a classifier or a model that chooses, and `[batch, 2]` (first and last token) for spans.
    pub labels: Tensor<2, Int>,
    /// The targets `[batch, num_labels]` of a regression or of a classifier with several classes per input; `labels` is empty
    /// then.
    pub values: Option<Tensor<2>>,
    /// Number of tokens of inputs and target texts together, without padding.
    pub tokens: usize,
    /// Number of labels, over which the loss is a mean.
    pub labelled: usize,
}

/// Turns `examples` into a batch for `model`, padded on the right to the longest example. The labels are the targets; the
/// target of an example with several choices is the right choice.
pub fn collate(examples: &[&Example], model: &Model, device: &Device) -> Batch {
    collate_for(CausalLoss::Target, examples, model, device)
}

/// As [`collate`], with the tokens that a decoder without an encoder is trained on.
pub(crate) fn collate_for(
    causal: CausalLoss,
    examples: &[&Example],
    model: &Model,
    device: &Device,
) -> Batch {
    let input = |e: &&Example| match (&e.target, model.task()) {
        (Target::Pairs { pairs, .. }, _) => pairs.iter().map(|pair| pair.ids.clone()).collect(),
        (_, Task::CausalLm) => vec![whole(e)],
        _ => vec![e.input.clone()],
    };
    let inputs: Vec<Vec<i64>> = examples.iter().flat_map(input).collect();
    let labels: Vec<Vec<i64>> = examples.iter().map(|e| labels(e, causal, model.task())).collect();
    let padded = |rows: &[Vec<i64>], with| ModelInputs::from_rows(rows, with, PaddingSide::Right, device);
    let Counts { tokens, labelled } = Counts::of(examples, causal, model.task());
    Batch {
        inputs: match images(examples, device).or_else(|| sounds(examples, device)) {
            Some(inputs) => inputs,
            None => ModelInputs {
                token_type_ids: token_types(examples, model, device),
                num_choices: num_choices(examples),
                ..padded(&inputs, model.pad_token_id())
            },
        },
        labels: padded(&labels, IGNORE_INDEX).input_ids.expect("`from_rows` gives ids"),
        values: values(examples, device),
        tokens,
        labelled,
    }
}

/// The images of examples of images.
fn images(examples: &[&Example], device: &Device) -> Option<ModelInputs> {
    let pixels: Vec<&Pixels> =
        examples.iter().map(|example| example.pixels.as_ref()).collect::<Option<_>>()?;
    image_batch(pixels, device)
}

/// Images of one shape as a batch; `None` if there are none.
///
/// # Panics
///
/// Panics if an image has another shape than the first.
pub fn image_batch<'a>(images: impl IntoIterator<Item = &'a Pixels>, device: &Device) -> Option<ModelInputs> {
    let images: Vec<&Pixels> = images.into_iter().collect();
    let [channels, height, width] = images.first()?.shape;
    let values: Vec<f32> = images.iter().flat_map(|image| image.values()).collect();
    let shape = [images.len(), channels, height, width];
    Some(ModelInputs::images(Tensor::from_data(TensorData::new(values, shape), device)))
}

/// The features of examples of sounds.
fn sounds(examples: &[&Example], device: &Device) -> Option<ModelInputs> {
    let sounds: Vec<&SoundFeatures> =
        examples.iter().map(|example| example.sound.as_ref()).collect::<Option<_>>()?;
    let [bins, frames] = sounds.first()?.shape;
    let values: Vec<f32> = sounds.iter().flat_map(|sound| sound.features()).collect();
    let values = TensorData::new(values, [sounds.len(), bins, frames]);
    Some(ModelInputs::from_features(Tensor::from_data(values, device)))
}

/// The number of choices of each example, if the examples are inputs to choose from.
fn num_choices(examples: &[&Example]) -> Option<usize> {
    match &examples.first()?.target {
        Target::Pairs { pairs, .. } => Some(pairs.len()),
        _ => None,
    }
}

/// The values of examples that have values.
fn values(examples: &[&Example], device: &Device) -> Option<Tensor<2>> {
    let of = |example: &&Example| match &example.target {
        Target::Values(values) => Some(values.clone()),
        _ => None,
    };
    let rows: Vec<Vec<f32>> = examples.iter().map(of).collect::<Option<_>>()?;
    let width = rows.first().map_or(0, Vec::len);
    Some(Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), width]), device))
}

/// The input followed by the target.
fn whole(example: &Example) -> Vec<i64> {
    [example.input.as_slice(), &target_ids(example)].concat()
}

/// The labels of an example for a model of `task`, before padding.
fn labels(example: &Example, causal: CausalLoss, task: Task) -> Vec<i64> {
    match (task, causal) {
        (Task::CausalLm, CausalLoss::All) => whole(example),
        (Task::CausalLm, CausalLoss::Target) => {
            [vec![IGNORE_INDEX; example.input.len()], learned_ids(example)].concat()
        }
        // As in transformers' training of Whisper, language and task are learned too.
        (Task::SpeechSeq2Seq, _) => whole(example),
        _ => target_ids(example),
    }
}

/// Number of tokens and labels of examples.
pub(crate) struct Counts {
    /// Number of tokens of inputs and target texts together, without padding.
    pub(crate) tokens: usize,
    /// Number of labels, over which the loss is a mean.
    pub(crate) labelled: usize,
}

impl Counts {
    pub(crate) fn of(examples: &[&Example], causal: CausalLoss, task: Task) -> Self {
        // No token predicts the first token of a decoder's row.
        let first = usize::from(task == Task::CausalLm);
        let labelled = |e: &&Example| {
            let values = if let Target::Values(values) = &e.target { values.len() } else { 0 };
            values + labels(e, causal, task).iter().skip(first).filter(|id| **id != IGNORE_INDEX).count()
        };
        let tokens = |e: &&Example| match &e.target {
            Target::Pairs { pairs, .. } => pairs.iter().map(|pair| pair.ids.len()).sum(),
            target => e.input.len() + target.tokens().map_or(0, <[i64]>::len),
        };
        Self { tokens: examples.iter().map(tokens).sum(), labelled: examples.iter().map(labelled).sum() }
    }
}

/// The label ids of an example: the tokens of the (right) text, the number of the class or of the choice, or the
/// ends of the span.
pub(crate) fn target_ids(example: &Example) -> Vec<i64> {
    match &example.target {
        Target::Class(class) => vec![*class as i64],
        Target::TokenClasses(classes) => classes.clone(),
        Target::Span(span) => vec![span.start as i64, span.end as i64],
        Target::Pairs { answer, .. } => vec![*answer as i64],
        target => target.tokens().unwrap_or_default().to_vec(),
    }
}

/// The target ids, with [`IGNORE_INDEX`] in the place of those that are not learned.
fn learned_ids(example: &Example) -> Vec<i64> {
    match &example.target {
        Target::Turns { ids, learned } => {
            let own = |(&id, &learned): (&i64, &bool)| if learned { id } else { IGNORE_INDEX };
            ids.iter().zip(learned).map(own).collect()
        }
        _ => target_ids(example),
    }
}

/// The inputs without targets, padded on the side from which `model` generates. That of a conversation ends before its last
/// turn. The decoder of a model of speech starts with the inputs, which have one length.
pub(crate) fn prompts(examples: &[&Example], model: &Model, device: &Device) -> ModelInputs {
    if let (Some(sounds), Model::Whisper(whisper)) = (sounds(examples, device), model) {
        let start = whisper.config().decoder_start_token_id;
        let rows: Vec<Vec<i64>> = examples.iter().map(|e| [&[start], e.input.as_slice()].concat()).collect();
        let prompt = ModelInputs::from_rows(&rows, start, PaddingSide::Left, device);
        return ModelInputs { decoder_input_ids: prompt.input_ids, ..sounds };
    }
    let rows: Vec<Vec<i64>> = examples.iter().map(|e| e.last_turn().0).collect();
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
        let short = Example::new(vec![5, 1], vec![7, 8, 1]);
        let long = Example::new(vec![5, 6, 1], vec![1]);
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
    fn a_decoder_reads_input_and_target_and_is_trained_on_the_target() {
        let batch = batch(GPT2, CausalLoss::Target);
        assert_eq!(ids(batch.inputs.input_ids.unwrap()), [5, 1, 7, 8, 1, 5, 6, 1, 1, 0]);
        assert_eq!(ids(batch.inputs.attention_mask.unwrap()), [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(ids(batch.labels), [-100, -100, 7, 8, 1, -100, -100, -100, 1, -100]);
        assert_eq!((batch.tokens, batch.labelled), (9, 4));
    }

    #[test]
    fn a_conversation_is_trained_on_what_the_model_says() {
        let model = ModelConfig::from_json(GPT2).unwrap().init(&Device::flex());
        let target = Target::Turns { ids: vec![7, 1, 8, 9, 1], learned: vec![true, true, false, true, true] };
        let chat = Example::new(vec![5, 6], target);
        let batch = collate_for(CausalLoss::Target, &[&chat], &model, &Device::flex());
        assert_eq!(ids(batch.inputs.input_ids.unwrap()), [5, 6, 7, 1, 8, 9, 1]);
        assert_eq!(ids(batch.labels), [-100, -100, 7, 1, -100, 9, 1]);
        assert_eq!((batch.tokens, batch.labelled), (7, 4));
        assert_eq!(ids(prompts(&[&chat], &model, &Device::flex()).input_ids.unwrap()), [5, 6, 7, 1, 8]);
        assert_eq!(chat.last_turn().1, [9, 1]);
    }

    #[test]
    fn a_model_of_speech_reads_features_and_learns_its_prompt_too() {
        let json = r#"{"model_type": "whisper", "vocab_size": 12, "d_model": 8, "encoder_layers": 1, "decoder_layers": 1,
            "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8,
            "num_mel_bins": 2, "max_source_positions": 2, "max_target_positions": 8, "pad_token_id": 0,
            "eos_token_id": 1, "decoder_start_token_id": 2}"#;
        let model = ModelConfig::from_json(json).unwrap().init(&Device::flex());
        let features = [1.0, 2.0, 0.5, 0.5, 3.0, 4.0, 0.5, 0.5];
        let sound = SoundFeatures::new("a.wav", [2, 4], &features);
        let long = Example::of_sound(sound.clone(), vec![7, 8], vec![9, 10, 1]);
        let short = Example::of_sound(sound, vec![7, 8], vec![1]);
        let batch = collate_for(CausalLoss::Target, &[&long, &short], &model, &Device::flex());
        let read: Vec<f32> = batch.inputs.input_features.unwrap().into_data().iter().collect();
        assert_eq!(read, [features, features].concat());
        assert!(batch.inputs.input_ids.is_none());
        assert_eq!(ids(batch.labels), [7, 8, 9, 10, 1, 7, 8, 1, -100, -100]);
        assert_eq!((batch.tokens, batch.labelled), (8, 8));
        let prompts = prompts(&[&long, &short], &model, &Device::flex());
        assert_eq!(ids(prompts.decoder_input_ids.unwrap()), [2, 7, 8, 2, 7, 8]);
    }

    #[test]
    fn a_decoder_can_be_trained_on_its_input_too() {
        let batch = batch(GPT2, CausalLoss::All);
        assert_eq!(ids(batch.labels), [5, 1, 7, 8, 1, 5, 6, 1, 1, -100]);
        assert_eq!((batch.tokens, batch.labelled), (9, 7));
    }
}
