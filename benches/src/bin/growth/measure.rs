//! Times of growing lengths.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::Device;
use ia3::Task;
use ia3_benches::{Shape, TrainStep};

/// A curve of points `(length, seconds)`.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Times the forward pass with loss and the training step, by the length of the input.
pub(crate) fn by_length(
    shape: &Shape,
    lengths: &[usize],
    runs: usize,
    device: &Device,
) -> Result<Vec<Series>> {
    let (mut forward, mut training) = (vec![], vec![]);
    for &input in lengths {
        let setup = Shape { input, ..*shape }.setup(device);
        let model = ia3::attach(&setup.base, &[&setup.adapter])?;
        let loss = || -> Result<()> {
            model.loss(&setup.inputs, setup.labels.clone())?;
            Ok(device.sync()?)
        };
        forward.push((input as f64, median(runs, loss)?));
        let mut step = TrainStep::new(model.clone());
        let train = || {
            step.step(&setup);
            Ok(())
        };
        training.push((input as f64, median(runs, train)?));
    }
    let series = |name, points| Series { name, points };
    Ok(vec![series("forward", forward), series("train step", training)])
}

/// Times generation from prompts of one length, by the number of new tokens. A model that does not generate gives no curve.
pub(crate) fn by_new_tokens(
    shape: &Shape,
    prompt: usize,
    new_tokens: &[usize],
    runs: usize,
    device: &Device,
) -> Result<Vec<Series>> {
    let setup = Shape { input: prompt, ..*shape }.setup(device);
    if setup.base.task() == Task::SequenceClassification || new_tokens.is_empty() {
        return Ok(vec![]);
    }
    let model = ia3::attach(&setup.base, &[&setup.adapter])?;
    let mut points = vec![];
    for &tokens in new_tokens {
        let mut config = model.generation_config(tokens);
        config.min_new_tokens = tokens;
        let generate = || {
            model.generate(&setup.inputs, &config)?;
            Ok(())
        };
        points.push((tokens as f64, median(runs, generate)?));
    }
    Ok(vec![Series { name: "generation", points }])
}

/// The median time of `runs` runs. One run before is not counted.
fn median(runs: usize, mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    f()?;
    let mut times = vec![];
    for _ in 0..runs {
        let start = Instant::now();
        f()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[(runs - 1) / 2] + times[runs / 2]) / 2.0)
}
