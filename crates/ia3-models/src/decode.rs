//! The loop of a generation, which all decoders share.

use burn::tensor::Tensor;

use crate::beam::search;
use crate::decode_steps::{Column, Steps};
use crate::decoded_rows::DecodedRows;
use crate::error::ModelError;
use crate::generate::{Generated, Step};
use crate::inputs::int_tensor;

pub(crate) fn decode(
    steps: Steps<impl FnMut(usize, Option<Column>) -> Tensor<2>>,
    on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    decode_padded(steps, vec![], on_step)
}

/// As [`decode`], for rows that start with `padding` ids of padding each.
pub(crate) fn decode_padded(
    mut steps: Steps<impl FnMut(usize, Option<Column>) -> Tensor<2>>,
    padding: Vec<usize>,
    mut on_step: impl FnMut(Step),
) -> Result<Generated, ModelError> {
    let (config, device) = (steps.config, steps.start.device());
    if config.num_beams > 1 {
        return search(steps, &padding, on_step);
    }
    let mut rows = DecodedRows::new(&steps.start, config, padding);
    let mut column = None;
    for index in 0..config.max_new_tokens {
        let tokens = rows.advance(index, (steps.next)(index, column), &mut on_step)?;
        if rows.all_ended() {
            break;
        }
        let ids = int_tensor(tokens, [steps.start.dims()[0], 1], &device);
        column = Some(Column { ids, rows: None });
    }
    Ok(rows.into_generated(&device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::GenerationConfig;
    use burn::tensor::Device;

    fn run(config: GenerationConfig, script: &[[i64; 2]]) -> (Vec<i64>, [usize; 2]) {
        let device = Device::flex();
        let next = |step: usize, _| {
            let row = |wanted: i64| (0..4).map(move |id| if id == wanted { 9.0 } else { id as f32 });
            let values: Vec<f32> = script[step].iter().flat_map(|&id| row(id)).collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([2, 4])
        };
        let start = Tensor::zeros([2, 1], &device);
        let ids = decode(Steps { start, config: &config, next }, |_| ()).unwrap().ids;
        (ids.clone().into_data().iter::<i64>().collect(), ids.dims())
    }

    #[test]
    fn logits_that_are_not_finite_are_counted() {
        let next = |step: usize, _| {
            let second = if step == 1 { f32::NAN } else { 1.0 };
            Tensor::<2>::from_floats([[0.0, second, f32::INFINITY, 2.0]], &Device::flex())
        };
        let start = Tensor::zeros([1, 1], &Device::flex());
        assert_eq!(decode(Steps { start, config: &config(4), next }, |_| ()).unwrap().non_finite, 5);
    }

    fn config(min_new_tokens: usize) -> GenerationConfig {
        GenerationConfig::new(4, vec![1]).with_min_new_tokens(min_new_tokens).with_pad_token_id(0)
    }

    #[test]
    fn forced_tokens_come_first_and_last_and_suppressed_ones_never() {
        let forced = config(0).with_forced_bos_token_id(3).with_forced_eos_token_id(1);
        let script = [[2, 2], [2, 0], [2, 2], [2, 2]];
        let (ids, _) = run(forced.clone(), &script);
        assert_eq!(ids, [0, 3, 2, 2, 1, 0, 3, 0, 2, 1]);
        let (ids, _) = run(forced.with_suppress_tokens(vec![2, 7]), &script);
        assert_eq!(ids, [0, 3, 3, 3, 1, 0, 3, 0, 3, 1]);
        let next = |_, _| Tensor::<2>::from_floats([[0.0, 1.0]], &Device::flex());
        let start = Tensor::zeros([1, 1], &Device::flex());
        let outside = config(0).with_forced_bos_token_id(9);
        let error = decode(Steps { start, config: &outside, next }, |_| ()).unwrap_err().to_string();
        assert!(error.contains("forced_bos_token_id"), "{error}");
    }

    #[test]
    fn an_ended_row_is_padded_and_all_ended_stops() {
        let (ids, dims) = run(config(0), &[[2, 1], [1, 3], [2, 2], [2, 2]]);
        assert_eq!((ids, dims), (vec![0, 2, 1, 0, 1, 0], [2, 3]));
    }

    #[test]
    fn a_row_that_the_caller_ends_is_padded() {
        let device = Device::flex();
        let next = |_, _| Tensor::<2>::from_floats([[0.0, 0.0, 9.0, 0.0]; 2], &device);
        let start = Tensor::zeros([2, 1], &device);
        let on_step = |step: Step| {
            step.end(7);
            if step.index == 1 {
                step.end(0);
            }
        };
        let config = config(0);
        let ids = decode(Steps { start, config: &config, next }, on_step).unwrap().ids;
        assert_eq!(ids.into_data().iter::<i64>().collect::<Vec<_>>(), [0, 2, 2, 0, 0, 0, 2, 2, 2, 2]);
    }

    #[test]
    fn a_padding_token_outside_the_vocabulary_is_refused_where_it_is_needed() {
        for pad in [-1, 4, 1 << 31, i64::MIN] {
            let config = config(0).with_pad_token_id(pad);
            let next = |step: usize, _| {
                let ends = [[0.0, 9.0, 0.0, 0.0], [0.0, if step > 1 { 9.0 } else { 0.0 }, 5.0, 0.0]];
                Tensor::<2>::from_floats(ends, &Device::flex())
            };
            let start = Tensor::zeros([2, 1], &Device::flex());
            let refused = decode(Steps { start: start.clone(), config: &config, next }, |_| ()).unwrap_err();
            assert!(refused.to_string().contains(&format!("`pad_token_id` is {pad}, outside")), "{refused}");
            let both = |_, _| Tensor::<2>::from_floats([[0.0, 9.0, 0.0, 0.0]; 2], &Device::flex());
            assert!(decode(Steps { start, config: &config, next: both }, |_| ()).is_ok());
        }
    }

    #[test]
    fn the_end_is_suppressed_until_the_minimum() {
        let (ids, dims) = run(config(2), &[[1, 1], [1, 2], [1, 1], [2, 2]]);
        // The runner-up of the scripted logits is the largest other id.
        assert_eq!((ids, dims), (vec![0, 3, 3, 1, 0, 3, 2, 1], [2, 4]));
    }
}
