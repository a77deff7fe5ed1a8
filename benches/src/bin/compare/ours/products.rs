//! The products of a model's layers alone.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::Result;
use burn::tensor::{Distribution, Tensor};
use ia3::ModuleKind;
use ia3::core::visit_params;
use ia3_benches::is_tied_head;
use ia3_ops::{linear, matmul_transposed};

use super::Ours;
use crate::products_table::{rate, transposed};
use crate::timing::fastest;

/// The least number of inputs and of outputs of a layer that is measured.
const LEAST: usize = 64;

/// Rows of the product with a head, which is computed for so many labels at a time or a few more.
const HEAD_ROWS: usize = 128;

impl Ours {
    /// The rates of the products of every layer that differs in its sizes, and of those of its gradient: the rows of the batch times
    /// the weight as it lies in memory, and times the transposed weight.
    pub(super) fn products(&mut self) -> Result<()> {
        let rows = self.shape.batch * self.shape.input;
        for ([d_in, d_out], weight) in self.layers() {
            let (x, g) = (self.random([rows, d_in]), self.random([rows, d_out]));
            self.product([rows, d_in, d_out], rate, || linear(x.clone(), weight.clone(), None))?;
            self.product([rows, d_out, d_in], transposed, || matmul_transposed(g.clone(), weight.clone()))?;
        }
        if let Some(table) = self.tied_head() {
            let [vocab, d] = table.dims();
            let x = self.random([HEAD_ROWS, d]);
            self.product([HEAD_ROWS, d, vocab], rate, || matmul_transposed(x.clone(), table.clone()))?;
        }
        Ok(())
    }

    fn product(
        &mut self,
        dims: [usize; 3],
        name: impl Fn([usize; 3]) -> String,
        product: impl Fn() -> Tensor<2>,
    ) -> Result<()> {
        let device = self.device.clone();
        let seconds = fastest(|| {
            black_box(product());
            Ok(device.sync()?)
        })?;
        let operations = 2.0 * dims.iter().map(|n| *n as f64).product::<f64>();
        self.figures.insert(name(dims), operations / seconds / 1e9);
        Ok(())
    }

    /// A weight for each size of a layer but the head.
    fn layers(&self) -> BTreeMap<[usize; 2], Tensor<2>> {
        let info = self.base.info();
        let mut layers = BTreeMap::new();
        let mut weights = self.weights();
        for module in info.modules.iter().filter(|module| !module.output_embedding) {
            let (ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. }) =
                module.kind
            else {
                continue;
            };
            let weight = weights.remove(&module.path).filter(|_| d_in.min(d_out) >= LEAST);
            weight.and_then(|weight| layers.insert([d_in, d_out], weight));
        }
        layers
    }

    /// The embedding that is the head too.
    fn tied_head(&self) -> Option<Tensor<2>> {
        let has_own = self.base.info().modules.iter().any(|module| module.output_embedding);
        let table = self.weights().into_iter().find(|(path, _)| is_tied_head(path));
        table.filter(|_| !has_own).map(|(_, table)| table)
    }

    fn weights(&self) -> BTreeMap<String, Tensor<2>> {
        let mut weights = BTreeMap::new();
        visit_params(&self.base, |path, param| {
            let weight = param.as_float::<2>().filter(|_| path.name() == "weight");
            weights.extend(weight.map(|weight| (path.module(), weight.base())));
        });
        weights
    }

    fn random(&self, dims: [usize; 2]) -> Tensor<2> {
        Tensor::random(dims, Distribution::Default, &self.device)
    }
}
