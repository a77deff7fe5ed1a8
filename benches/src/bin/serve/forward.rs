//! The engine of an encoder with thousands of adapters, of which few are used often.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ia3_benches::{Setup, Shape, device};
use ia3_serve::{EngineOptions, ForwardEngine, ForwardRequest, Wanted};

use crate::Args;
use crate::adapters::{folders, name};

/// Requests that wait at the same time.
const CLIENTS: usize = 32;

pub(crate) fn measure(args: &Args) -> Result<()> {
    let device = device();
    let Setup { base, adapter, .. } = Shape::named("minilm").setup(&device);
    let base = ia3::Model::from(base);
    let dir = folders(&adapter, args.encoder_adapters)?;
    println!(
        "\nminilm, classes of texts of 8 to 39 tokens, {CLIENTS} clients, adapters drawn by Zipf's law\n"
    );
    println!("| adapters | in memory | p50 | p95 | texts per second |\n|---|---|---|---|---|");
    let few = 10.min(args.encoder_adapters);
    let counts = [
        (few, few),
        (args.encoder_adapters, args.encoder_adapters),
        (args.encoder_adapters, args.encoder_adapters / 10),
    ];
    for (adapters, places) in counts {
        let options = EngineOptions::new().with_adapters(places.max(1)).with_queue(CLIENTS);
        let mut engine = ForwardEngine::new(base.clone(), Some(dir.path().into()), options)?;
        let mut draws = Zipf::new(adapters);
        if places >= adapters {
            // What is measured are requests to adapters in memory.
            for i in 0..adapters {
                answer(&mut engine, i, i)?;
            }
        }
        let (mut times, whole) = closed_loop(args, &mut engine, &mut draws)?;
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        let rate = times.len() as f64 / whole.as_secs_f64();
        println!("| {adapters} | {places} | {:.1} ms | {:.1} ms | {rate:.0} |", at(0.5), at(0.95));
    }
    Ok(())
}

/// Each client sends its next request when the last one is answered.
fn closed_loop(
    args: &Args,
    engine: &mut ForwardEngine,
    draws: &mut Zipf,
) -> Result<(Vec<Duration>, Duration)> {
    let start = Instant::now();
    let mut submitted = 0;
    let mut times = vec![];
    let mut next = |engine: &mut ForwardEngine| {
        let receiver = engine.submit(request(submitted, draws.draw()));
        submitted += 1;
        (Instant::now(), receiver)
    };
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| next(engine)).collect();
    while times.len() < args.encoder_requests {
        engine.step();
        for client in &mut clients {
            if let Ok(answer) = client.1.try_recv() {
                answer?;
                times.push(client.0.elapsed());
                *client = next(engine);
            }
        }
    }
    Ok((times, start.elapsed()))
}

fn answer(engine: &mut ForwardEngine, length: usize, adapter: usize) -> Result<()> {
    let mut receiver = engine.submit(request(length % 2, adapter));
    engine.step();
    receiver.try_recv().map_err(|_| anyhow!("the engine did not answer"))??;
    Ok(())
}

fn request(i: usize, adapter: usize) -> ForwardRequest {
    let length = 8 + i * 7 % 32;
    let ids = (0..length).map(|j| ((i * 31 + j * 17 + 2) % 1000) as i64).collect();
    ForwardRequest::new(ids, Wanted::Logits).with_adapter(name(adapter))
}

/// Numbers below a bound, of which `i` has a share of 1 / (i + 1).
struct Zipf {
    up_to: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new(count: usize) -> Self {
        let mut sum = 0.0;
        let up_to = (0..count).map(|i| {
            sum += 1.0 / (i + 1) as f64;
            sum
        });
        Self { up_to: up_to.collect(), state: 7 }
    }

    fn draw(&mut self) -> usize {
        // A generator of 64 bits (Knuth's constants) is enough to draw requests.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (self.state >> 11) as f64 / (1u64 << 53) as f64;
        let point = share * self.up_to.last().copied().unwrap_or_default();
        self.up_to.partition_point(|up_to| *up_to < point).min(self.up_to.len() - 1)
    }
}
