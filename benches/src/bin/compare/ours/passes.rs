//! The forward pass and the training step of one batch.

use anyhow::Result;
use ia3_benches::{TrainStep, flops};

use super::{Ours, loss};
use crate::machine;
use crate::timing::peak;

impl Ours {
    pub(super) fn forward(&mut self) -> Result<()> {
        let (batch, model, runs) = (self.setup(self.shape.batch), self.adapted()?, self.settings.runs);
        self.time(&self.named("forward"), runs, || loss(&model, &batch))?;
        self.figures.insert(format!("{} peak", self.named("forward")), peak()?);
        let merged = ia3::merge(&self.base, &[&self.adapter])?;
        self.time(&self.named("forward merged"), runs, || loss(&merged, &batch))?;
        self.work(&self.named("forward"), flops::forward(&self.base.info(), self.shape))
    }

    pub(super) fn train(&mut self) -> Result<()> {
        let (batch, mut training) = (self.setup(self.shape.batch), TrainStep::new(self.adapted()?));
        self.time(&self.named("train step"), self.settings.runs, || {
            training.step(&batch);
            Ok(())
        })?;
        self.figures.insert(format!("{} peak", self.named("train")), peak()?);
        self.work(&self.named("train"), flops::train(&self.base.info(), self.shape))
    }

    /// Records the operations of the products, and the machine's rate of a large product.
    fn work(&mut self, what: &str, operations: f64) -> Result<()> {
        self.figures.insert(format!("{what} GFLOP"), operations / 1e9);
        self.figures.insert("GEMM GFLOP/s".into(), machine::gemm(&self.device)?);
        Ok(())
    }
}
