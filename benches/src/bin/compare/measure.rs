//! Our side: one part of the measurements.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use ia3::train::OptimizerConfig;
use ia3::{Adapter, Ia3Model, Model, ModelInputs};

use crate::flops::{self, Batch};
use crate::report::{Figures, median};

const INPUT: usize = 128;
const NEW: usize = 32;

/// Ends the name of what is measured on a base in 8 bits.
pub(crate) const INT8: &str = ", int8 base";

struct Setup {
    device: Device,
    base: Model,
    adapter: Adapter,
    batch: Batch,
    figures: Figures,
    runs: usize,
}

/// The figures of a part, by name.
pub(crate) fn part(part: &str, shape: &str, dir: &Path, runs: usize) -> Result<Figures> {
    let device = Device::flex();
    let base = ia3::from_pretrained(dir.join("base"), &device)?.model.valid();
    let adapter = ia3::io::load_adapter(dir.join("adapter_a"), &base.info(), &device)?;
    let batch = match shape.starts_with("t5") {
        true => Batch { rows: 8, input: INPUT, target: Some(16) },
        false => Batch { rows: 4, input: INPUT, target: None },
    };
    let mut setup = Setup { device, base, adapter, batch, figures: Figures::new(), runs };
    match part {
        "forward" => setup.forward()?,
        "train" => setup.train()?,
        "use" => setup.use_it(dir)?,
        "start" => setup.generate(&setup.adapted()?, 1, 1)?,
        other => bail!("no part `{other}`; there are forward, train, use, start"),
    }
    Ok(setup.figures)
}

impl Setup {
    fn adapted(&self) -> Result<Model> {
        Ok(ia3::attach(&self.base, &[&self.adapter])?)
    }

    fn ids(&self, rows: usize, width: usize) -> Tensor<2, Int> {
        let ids: Vec<i64> = (0..rows * width).map(|i| (i * 7919 % 1000 + 2) as i64).collect();
        Tensor::<1, Int>::from_ints(ids.as_slice(), &self.device).reshape([rows, width])
    }

    fn inputs(&self, rows: usize) -> ModelInputs {
        let ids = self.ids(rows, self.batch.input);
        ModelInputs { attention_mask: Some(ids.ones_like()), input_ids: Some(ids), ..Default::default() }
    }

    fn labels(&self) -> Tensor<2, Int> {
        self.ids(self.batch.rows, self.batch.target.unwrap_or(self.batch.input))
    }

    fn forward(&mut self) -> Result<()> {
        let (inputs, labels, model) = (self.inputs(self.batch.rows), self.labels(), self.adapted()?);
        let run = |model: &Model| model.loss(&inputs, labels.clone()).map(|loss| loss.into_scalar::<f32>());
        self.measure("forward", self.runs, || Ok(run(&model).map(|_| ())?))?;
        self.figures.insert("forward peak".into(), peak()?);
        let merged = ia3::merge(&self.base, &[&self.adapter])?;
        self.measure("forward merged", self.runs, || Ok(run(&merged).map(|_| ())?))?;
        self.figures.insert("forward GFLOP".into(), flops::forward(&self.base.info(), self.batch) / 1e9);
        self.gemm()
    }

    fn train(&mut self) -> Result<()> {
        let (inputs, labels) = (self.inputs(self.batch.rows), self.labels());
        let mut optimizer = OptimizerConfig::adamw().init();
        let mut model = Some(self.adapted()?.train());
        let mut step = || -> Result<()> {
            let now = model.take().context("a step before failed")?;
            let loss = now.loss(&inputs, labels.clone())?;
            let gradients = GradientsParams::from_grads(loss.backward(), &now);
            model = Some(optimizer.step(1e-6, now, gradients));
            Ok(())
        };
        self.measure("train step", self.runs, &mut step)?;
        self.figures.insert("train peak".into(), peak()?);
        self.figures.insert("train GFLOP".into(), flops::train(&self.base.info(), self.batch) / 1e9);
        self.gemm()
    }

    fn use_it(&mut self, dir: &Path) -> Result<()> {
        let model = self.adapted()?;
        for rows in [1, self.batch.rows] {
            self.decode(&format!("decode 32, batch {rows}"), &model, rows)?;
        }
        let (base, _) = ia3::quantize(&self.base, ia3::Bits::Eight)?;
        let quantized = ia3::attach(&base, &[&self.adapter])?;
        self.decode(&format!("decode 32, batch 1{INT8}"), &quantized, 1)?;
        let (base, device, few) = (self.base.clone(), self.device.clone(), self.runs.max(5));
        let info = base.info();
        self.measure("load adapter", few, || {
            let adapter = ia3::io::load_adapter(dir.join("adapter_b"), &info, &device)?;
            ia3::attach(&base, &[&adapter])?;
            Ok(())
        })?;
        let mut named = Ia3Model::builder(base.clone()).without_adapter()?;
        for name in ["a", "b"] {
            named.insert_adapter(name, self.adapter.fork())?;
        }
        let mut names = ["a", "b"].into_iter().cycle();
        self.measure("switch", 4 * few, || Ok(named.set_adapter(names.next()).map(|_| ())?))?;
        let adapter = self.adapter.clone();
        self.measure("merge", few, || Ok(ia3::merge(&base, &[&adapter]).map(|_| ())?))
    }

    fn decode(&mut self, name: &str, model: &Model, rows: usize) -> Result<()> {
        let (wall, cpu) = timed(self.runs, || self.generate(model, rows, NEW))?;
        self.record(name, wall, cpu);
        Ok(())
    }

    fn generate(&self, model: &Model, rows: usize, tokens: usize) -> Result<()> {
        let mut config = model.generation_config(tokens);
        config.min_new_tokens = tokens;
        model.generate(&self.inputs(rows), &config, &mut |_| ())?;
        Ok(())
    }

    /// The rate of a large product, GFLOP/s.
    fn gemm(&mut self) -> Result<()> {
        let side = 2048;
        let x = || Tensor::<2>::random([side, side], Distribution::Default, &self.device);
        let (a, b) = (x(), x());
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let c = a.clone().matmul(b.clone());
            self.device.sync()?;
            best = best.min(start.elapsed().as_secs_f64());
            drop(c);
        }
        self.figures.insert("GEMM GFLOP/s".into(), 2.0 * (side as f64).powi(3) / best / 1e9);
        Ok(())
    }

    fn measure(&mut self, name: &str, runs: usize, work: impl FnMut() -> Result<()>) -> Result<()> {
        let (wall, cpu) = timed(runs, work)?;
        self.record(name, wall, cpu);
        Ok(())
    }

    fn record(&mut self, name: &str, wall: f64, cpu: f64) {
        self.figures.insert(format!("{name} wall"), wall);
        self.figures.insert(format!("{name} cpu"), cpu);
    }
}

/// Median wall and CPU time in ms; the first run does not count.
fn timed(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<(f64, f64)> {
    work()?;
    let (mut wall, mut cpu) = (vec![], vec![]);
    for _ in 0..runs {
        let (start, start_cpu) = (Instant::now(), cpu_ms()?);
        work()?;
        wall.push(start.elapsed().as_secs_f64() * 1e3);
        cpu.push(cpu_ms()? - start_cpu);
    }
    Ok((median(&wall), median(&cpu)))
}

/// CPU time of this process so far.
fn cpu_ms() -> Result<f64> {
    Ok(cpu_time::ProcessTime::try_now()?.as_duration().as_secs_f64() * 1e3)
}

/// The most memory that was resident, in MB.
fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("reading the peak memory")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}
