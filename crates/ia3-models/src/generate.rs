use burn::tensor::{Device, Int, Tensor, TensorData};

/// How to generate; greedy (the most probable token at every step).
#[derive(Clone, Debug, PartialEq)]
pub struct GenerationConfig {
    /// Tokens to generate at most, per row.
    pub max_new_tokens: usize,
    /// Tokens before which no row may end.
    pub min_new_tokens: usize,
    /// Ids that end a row.
    pub eos_token_id: Vec<i64>,
    /// Id that fills a row after its end.
    pub pad_token_id: i64,
}

/// One step of a generation, as seen by a callback.
#[derive(Debug)]
pub struct Step<'a> {
    /// Counts from 0.
    pub index: usize,
    /// The model's logits before any token was suppressed, `[batch, vocab]`.
    pub logits: &'a Tensor<2>,
    /// The token chosen for each row; padding for rows that have ended.
    pub tokens: &'a [i64],
}

/// What a generation returns.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Ids as Hugging Face's `generate` returns them, decoder start or prompt included, `[batch, seq]`.
    pub ids: Tensor<2, Int>,
}

/// Greedy search: `logits(tokens)` gives the next logits `[batch, vocab]` for each row's last token.
pub(crate) fn greedy(
    start: Vec<i64>,
    config: &GenerationConfig,
    device: &Device,
    mut logits: impl FnMut(Tensor<2, Int>) -> Tensor<2>,
    on_step: &mut dyn FnMut(Step),
) -> Generated {
    let mut rows: Vec<Vec<i64>> = start.iter().map(|&id| vec![id]).collect();
    let mut tokens = start;
    let mut ended = vec![false; rows.len()];
    for index in 0..config.max_new_tokens {
        let column = TensorData::new(tokens, [rows.len(), 1]);
        let raw = logits(Tensor::from_data(column, device));
        tokens = choose(raw.clone(), index < config.min_new_tokens, config);
        for (token, ended) in tokens.iter_mut().zip(&mut ended) {
            *token = if *ended { config.pad_token_id } else { *token };
            *ended |= config.eos_token_id.contains(token);
        }
        rows.iter_mut().zip(&tokens).for_each(|(row, &token)| row.push(token));
        on_step(Step { index, logits: &raw, tokens: &tokens });
        if ended.iter().all(|e| *e) {
            break;
        }
    }
    let shape = [rows.len(), rows[0].len()];
    Generated { ids: Tensor::from_data(TensorData::new(rows.concat(), shape), device) }
}

/// The most probable token of each row, never an end while `must_go_on`.
fn choose(logits: Tensor<2>, must_go_on: bool, config: &GenerationConfig) -> Vec<i64> {
    let [batch, vocab] = logits.dims();
    let ends = config.eos_token_id.iter().filter(|&&id| must_go_on && (0..vocab as i64).contains(&id));
    let allowed = ends.fold(logits, |logits, &id| {
        logits.slice_fill([0..batch, id as usize..id as usize + 1], f32::NEG_INFINITY)
    });
    allowed.argmax(1).into_data().iter::<i64>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(config: GenerationConfig, script: &[[i64; 2]]) -> (Vec<i64>, [usize; 2]) {
        let device = Device::flex();
        let mut step = 0;
        let logits = |_| {
            step += 1;
            let row = |wanted: i64| (0..4).map(move |id| if id == wanted { 9.0 } else { id as f32 });
            let values: Vec<f32> = script[step - 1].iter().flat_map(|&id| row(id)).collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([2, 4])
        };
        let ids = greedy(vec![0, 0], &config, &device, logits, &mut |_| ()).ids;
        (ids.clone().into_data().iter::<i64>().collect(), ids.dims())
    }

    fn config(min_new_tokens: usize) -> GenerationConfig {
        GenerationConfig { max_new_tokens: 4, min_new_tokens, eos_token_id: vec![1], pad_token_id: 0 }
    }

    #[test]
    fn an_ended_row_is_padded_and_all_ended_stops() {
        let (ids, dims) = run(config(0), &[[2, 1], [1, 3], [2, 2], [2, 2]]);
        assert_eq!((ids, dims), (vec![0, 2, 1, 0, 1, 0], [2, 3]));
    }

    #[test]
    fn the_end_is_suppressed_until_the_minimum() {
        let (ids, dims) = run(config(2), &[[1, 1], [1, 2], [1, 1], [2, 2]]);
        // The runner-up of the scripted logits is the largest other id.
        assert_eq!((ids, dims), (vec![0, 3, 3, 1, 0, 3, 2, 1], [2, 4]));
    }
}
