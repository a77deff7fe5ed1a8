//! The engine of a language model.

use std::time::{Duration, Instant};

use anyhow::Result;
use ia3::core::Adapter;
use ia3::models::{GenerationConfig, ModelInputs, PaddingSide};
use ia3_benches::{Setup, Shape, device, in_turns};
use ia3_serve::{Engine, EngineOptions, Event, Request};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Args;
use crate::adapters::{folders, name};
use crate::steps;

/// Adapters that are read while others run.
const LATE: usize = 4;

pub(crate) fn measure(args: &Args) -> Result<()> {
    let device = device();
    let Setup { base, adapter, .. } = Shape::named(&args.shape).setup(&device);
    let base = ia3::Model::from(base);
    let dir = folders(&adapter, args.adapters)?;
    let mut engine = Engine::new(base.clone(), Some(dir.path().into()), options(args))?;
    let start = Instant::now();
    for i in 0..args.adapters {
        run(&mut engine, vec![request(args, i, Some(name(i)), 1)])?;
    }
    let tokens = args.requests * args.new_tokens;
    println!(
        "\n{}: {} requests, prompts of {} tokens, {} new tokens\n",
        args.shape, args.requests, args.prompt, args.new_tokens
    );
    println!("| what | |\n|---|---|");
    println!(
        "| reading {} adapters, and a token under each | {:.1} s |",
        args.adapters,
        start.elapsed().as_secs_f64()
    );
    let numbers = adapter.num_params() * size_of::<f32>() * args.adapters;
    println!(
        "| bytes of the adapters, over those of their numbers | {:.3} |",
        engine.adapter_bytes() as f64 / numbers as f64
    );

    let shared =
        |args: &Args| (0..args.requests).map(|i| request(args, i, Some(name(0)), args.new_tokens)).collect();
    let own = |args: &Args| {
        (0..args.requests)
            .map(|i| request(args, i, Some(name(i * args.adapters / args.requests)), args.new_tokens))
            .collect()
    };
    let engine = std::cell::RefCell::new(engine);
    let all = |requests: Vec<Request>| run(&mut engine.borrow_mut(), requests).expect("the engine answers");
    let mut times = vec![];
    let ratios = in_turns(
        args.rounds,
        || {
            times.push(timed(|| all(shared(args))));
        },
        || {
            all(own(args));
        },
    );
    println!("| each request under its own adapter, against all under one: time | {ratios} |");
    times.sort();
    println!(
        "| tokens per second, all under one adapter | {:.1} |",
        tokens as f64 / times[times.len() / 2].as_secs_f64()
    );
    let few = args.requests.min(8);
    let ratios = in_turns(args.rounds, || all(own(args)), || one_after_the_other(args, &base, &adapter, few));
    let scale = args.requests as f64 / few as f64;
    println!(
        "| the same requests one after the other by `generate` ({few} of them were timed), against the engine: time | {:.2} (quartiles {:.2} to {:.2}) |",
        ratios.quantile(0.5) * scale,
        ratios.quantile(0.25) * scale,
        ratios.quantile(0.75) * scale
    );
    Ok(())
}

/// What a step takes beside the passes of the model, and while an adapter is read.
pub(crate) fn measure_steps(args: &Args) -> Result<()> {
    let device = device();
    let Setup { base, adapter, .. } = Shape::named(&args.shape).setup(&device);
    let base = ia3::Model::from(base);
    let dir = folders(&adapter, args.adapters + LATE)?;
    let mut engine = Engine::new(base.clone(), Some(dir.path().into()), options(args))?;
    for i in 0..args.adapters {
        run(&mut engine, vec![request(args, i, Some(name(i)), 1)])?;
    }
    println!("\n{}: {} rows, {} adapters in memory\n", args.shape, args.requests, args.adapters);
    println!("| what | |\n|---|---|");
    println!(
        "| a step of the engine with {} rows, against the passes of the model alone: time | {} |",
        args.requests,
        steps::against_passes(args, &mut engine, &base, &adapter)?
    );
    let [loading, longest, step] = loading(args, &mut engine)?.map(ms);
    println!(
        "| steps while an adapter is read, {} rows: median, longest, and median of the steps between | {loading:.1} ms, {longest:.1} ms, \
         {step:.1} ms |",
        args.requests
    );
    Ok(())
}

fn options(args: &Args) -> EngineOptions {
    EngineOptions::new()
        .with_rows(args.requests)
        .with_tokens(args.prompt + args.new_tokens)
        .with_pass_tokens(256)
        .with_adapters(args.adapters)
}

pub(crate) fn request(args: &Args, i: usize, adapter: Option<String>, new: usize) -> Request {
    let prompt = (0..args.prompt).map(|j| ((i * 131 + j * 17 + 2) % 1000) as i64).collect();
    Request::new(prompt, config(new)).with_adapter(adapter)
}

fn config(new: usize) -> GenerationConfig {
    GenerationConfig::new(new, vec![])
}

/// Answers requests that all come at once.
fn run(engine: &mut Engine, requests: Vec<Request>) -> Result<()> {
    let receivers = submit(engine, requests)?;
    while engine.step() {}
    receivers.into_iter().try_for_each(|mut receiver| finished(&mut receiver))
}

pub(crate) fn submit(engine: &mut Engine, requests: Vec<Request>) -> Result<Vec<UnboundedReceiver<Event>>> {
    let mut submit = |request| {
        let (sender, receiver) = unbounded_channel();
        engine.submit(request, sender)?;
        Ok(receiver)
    };
    requests.into_iter().map(&mut submit).collect()
}

pub(crate) fn finished(receiver: &mut UnboundedReceiver<Event>) -> Result<()> {
    loop {
        match receiver.try_recv()? {
            Event::End(_) => return Ok(()),
            Event::Failed(error) => return Err(error.into()),
            Event::Token(_) => (),
        }
    }
}

fn one_after_the_other(args: &Args, base: &ia3::Model, adapter: &Adapter, count: usize) {
    for i in 0..count {
        let model = ia3::attach(base.module(), &[&adapter.fork()]).expect("it fits");
        let prompt = request(args, i, None, 1).prompt;
        let inputs: ModelInputs =
            model.batch(&[prompt], PaddingSide::Left, &base.device()).expect("ids of the vocabulary");
        model.generate(&inputs, &config(args.new_tokens)).expect("it generates").ids.into_data();
    }
}

/// While all rows but one run: the median and the longest step while an adapter is read that is not in memory, and the median of the
/// steps before it.
fn loading(args: &Args, engine: &mut Engine) -> Result<[Duration; 3]> {
    let requests = (0..args.requests - 1).map(|i| request(args, i, Some(name(i)), args.new_tokens));
    let receivers = submit(engine, requests.collect())?;
    while receivers.iter().any(|receiver| receiver.is_empty()) {
        engine.step();
    }
    let (mut steps, mut loading) = (vec![], vec![]);
    for late in 0..LATE {
        steps.push(timed(|| {
            engine.step();
        }));
        // It gives the place of one that nobody uses to the new one; a single token is read for it.
        let mut late = request(args, 0, Some(name(args.adapters + late)), 1);
        late.prompt.truncate(1);
        let mut late = submit(engine, vec![late])?.remove(0);
        while late.is_empty() {
            loading.push(timed(|| {
                engine.step();
            }));
        }
        finished(&mut late)?;
    }
    while engine.step() {}
    receivers.into_iter().try_for_each(|mut receiver| finished(&mut receiver))?;
    let median = |mut steps: Vec<Duration>| {
        steps.sort();
        [steps[steps.len() / 2], steps[steps.len() - 1]]
    };
    let ([loading, longest], [step, _]) = (median(loading), median(steps));
    Ok([loading, longest, step])
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
