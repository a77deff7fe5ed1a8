//! Measures a part with this library.

mod adapters;
mod chosen;
mod decode;
mod mixed;
mod passes;
mod products;
mod prompt;
mod ragged;

use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ia3::ModelInputs;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3_benches::{Setup, Shape};

use crate::figures::{Figures, HALF};
use crate::machine;
use crate::part::Part;
use crate::timing::timed;

pub(crate) use chosen::Chosen;

/// The settings of a measurement.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// Number of runs, of which the median counts.
    pub(crate) runs: usize,
    /// Number of threads of the thread pool.
    pub(crate) threads: usize,
    /// Whether the base is that of [`half_base`].
    pub(crate) half: bool,
}

/// The folder of the base in bfloat16, below that of a shape.
pub(crate) fn half_base(dir: &Path) -> PathBuf {
    dir.join("base_bfloat16")
}

/// Measures a part with this library.
pub(crate) fn measure(part: Part, shape: &'static Shape, dir: &Path, settings: Settings) -> Result<Figures> {
    if part == Part::Machine {
        return machine::limits(settings.threads);
    }
    let mut ours = Ours::load(shape, dir, settings)?;
    match part {
        Part::Products => ours.products()?,
        Part::Forward => ours.forward()?,
        Part::Train => ours.train()?,
        Part::Mixed => ours.mixed()?,
        Part::Decode => ours.decode()?,
        Part::Prompt => ours.prompt()?,
        Part::Adapters => ours.adapters()?,
        Part::Ragged => ours.ragged()?,
        Part::Start => ours.start()?,
        Part::Machine => {}
    }
    Ok(ours.figures)
}

/// The checkpoint of a shape, and what was measured with it.
struct Ours {
    shape: &'static Shape,
    dir: PathBuf,
    device: Device,
    base: Model,
    adapter: Adapter,
    settings: Settings,
    figures: Figures,
}

impl Ours {
    fn load(shape: &'static Shape, dir: &Path, settings: Settings) -> Result<Self> {
        let device = Device::flex();
        let base = if settings.half { half_base(dir) } else { dir.join("base") };
        let base = ia3::from_pretrained(base, &device)?.model.valid();
        let adapter = ia3::io::load_adapter(dir.join("adapter_a"), &base.info(), &device)?;
        Ok(Self { shape, dir: dir.into(), device, base, adapter, settings, figures: Figures::new() })
    }

    fn adapted(&self) -> Result<Model> {
        Ok(ia3::attach(&self.base, &[&self.adapter])?)
    }

    /// The name of a figure, which says whether the base is in bfloat16.
    fn named(&self, what: &str) -> String {
        format!("{what}{}", if self.settings.half { HALF } else { "" })
    }

    /// The same ids as on PEFT's side.
    fn ids(&self, rows: usize, width: usize) -> Tensor<2, Int> {
        let ids: Vec<i64> = (0..rows * width).map(|i| (i * 7919 % 1000 + 2) as i64).collect();
        Tensor::<1, Int>::from_ints(ids.as_slice(), &self.device).reshape([rows, width])
    }

    fn inputs(&self, rows: usize) -> ModelInputs {
        self.inputs_of(rows, self.shape.input)
    }

    fn inputs_of(&self, rows: usize, width: usize) -> ModelInputs {
        let ids = self.ids(rows, width);
        ModelInputs { attention_mask: Some(ids.ones_like()), input_ids: Some(ids), ..Default::default() }
    }

    /// A batch of `rows` rows.
    fn setup(&self, rows: usize) -> Setup {
        let labels = match self.shape.classifies() {
            true => Tensor::zeros([rows, 1], &self.device),
            false => self.ids(rows, self.shape.target.unwrap_or(self.shape.input)),
        };
        Setup { base: self.base.clone(), adapter: self.adapter.clone(), inputs: self.inputs(rows), labels }
    }

    /// Records the median wall time and CPU time of `runs` runs.
    fn time(&mut self, name: &str, runs: usize, work: impl FnMut() -> Result<()>) -> Result<()> {
        let figures = timed(runs, work)?;
        self.record(name, figures);
        Ok(())
    }

    fn record(&mut self, name: &str, (wall, cpu): (f64, f64)) {
        self.figures.insert(format!("{name} wall"), wall);
        self.figures.insert(format!("{name} cpu"), cpu);
    }
}

/// Computes the loss and waits for it.
fn loss(model: &Model, batch: &Setup) -> Result<()> {
    model.loss(&batch.inputs, batch.labels.clone())?.into_scalar::<f32>();
    Ok(())
}
