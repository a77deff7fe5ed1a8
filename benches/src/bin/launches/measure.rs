//! The launches of one shape.

use std::collections::BTreeMap;

use anyhow::Result;
use burn::module::Module;
use burn::tensor::Device;
use ia3::models::Model;
use ia3::{ModelInfo, Task};
use ia3_benches::{Setup, Shape, TrainStep, bytes_per_token};

use crate::count::{Counter, Launches};

/// Generated tokens between which the launches are counted.
const TOKENS: [usize; 2] = [1, 9];

/// The ways of running a model, in the order of the table.
const ARMS: usize = 4;

/// What was counted of a shape.
pub(crate) struct Counts {
    pub(crate) info: ModelInfo,
    /// The number of weights.
    pub(crate) weights: usize,
    /// The bytes of the weights that a generated token reads.
    pub(crate) bytes_per_token: usize,
    pub(crate) forward: [Launches; ARMS],
    /// Of the models that an adapter is trained on: under one, and under two.
    train: [Option<Launches>; ARMS],
    /// The launches of the first token, and those of the nine first ones.
    tokens: Option<[[Launches; 2]; ARMS]>,
}

impl Counts {
    pub(crate) fn measure(shape: &Shape, device: &Device) -> Result<Self> {
        let setup = shape.setup(device);
        let (mut forward, mut train, mut tokens) = (vec![], vec![], vec![]);
        for (name, model) in setup.arms() {
            forward.push(Counter::of(device, || {
                model.loss(&setup.inputs, setup.labels.clone())?;
                Ok(())
            })?);
            train.push(trained(name, &model, &setup, device)?);
            tokens.push(generated(&model, &setup, device)?);
        }
        let of_arms = "four ways of running a model";
        Ok(Self {
            info: setup.base.info(),
            weights: setup.base.num_params(),
            bytes_per_token: bytes_per_token(&setup.base),
            forward: forward.try_into().expect(of_arms),
            train: train.try_into().expect(of_arms),
            tokens: tokens.into_iter().collect::<Option<Vec<_>>>().map(|all| all.try_into().expect(of_arms)),
        })
    }

    /// The rows of the table, without the name of the shape.
    pub(crate) fn rows(&self) -> Vec<String> {
        let row = |what: &str, cells: Vec<String>| format!("{what} | {} |", cells.join(" | "));
        let number = |launches: &Launches| sum(launches).to_string();
        let of_train = |launches: &Option<Launches>| launches.as_ref().map_or("–".into(), number);
        let mut rows = vec![
            row("forward with loss", self.forward.iter().map(number).collect()),
            row("train step", self.train.iter().map(of_train).collect()),
        ];
        if let Some(tokens) = &self.tokens {
            rows.push(row(
                "generated token",
                tokens.iter().map(|both| format!("{:.0}", per_token(both))).collect(),
            ));
        }
        rows
    }

    /// The launches of a training step under the adapter.
    pub(crate) fn of_train(&self) -> usize {
        self.train[1].as_ref().map_or(0, sum)
    }

    /// The launches of a generated token under the adapter.
    pub(crate) fn of_token(&self) -> Option<f64> {
        self.tokens.as_ref().map(|tokens| per_token(&tokens[1]))
    }

    pub(crate) fn print_kernels(&self, shape: &str) {
        print_by_name(&format!("{shape}, forward under the adapter"), &self.forward[1]);
        self.train[1].iter().for_each(|train| print_by_name(&format!("{shape}, train step"), train));
        let nine = self.tokens.iter().map(|tokens| &tokens[1][1]);
        nine.for_each(|nine| print_by_name(&format!("{shape}, nine tokens under the adapter"), nine));
    }
}

/// The launches of a training step of the vectors, for the models that have vectors.
fn trained(name: &str, model: &Model, setup: &Setup, device: &Device) -> Result<Option<Launches>> {
    if !["adapter", "mixed"].contains(&name) {
        return Ok(None);
    }
    let mut step = TrainStep::new(model.clone());
    let launches = Counter::of(device, || {
        step.step(setup);
        Ok(())
    });
    launches.map(Some)
}

/// The launches of [`TOKENS`] generated tokens, for the models that generate.
fn generated(model: &Model, setup: &Setup, device: &Device) -> Result<Option<[Launches; 2]>> {
    if model.task() == Task::SequenceClassification {
        return Ok(None);
    }
    let [one, nine] = TOKENS.map(|tokens| {
        let mut config = model.generation_config(tokens);
        config.min_new_tokens = tokens;
        Counter::of(device, || {
            model.generate(&setup.inputs, &config)?;
            Ok(())
        })
    });
    Ok(Some([one?, nine?]))
}

pub(crate) fn sum(launches: &Launches) -> usize {
    launches.values().sum()
}

fn per_token([first, all]: &[Launches; 2]) -> f64 {
    (sum(all) as f64 - sum(first) as f64) / (TOKENS[1] - TOKENS[0]) as f64
}

fn print_by_name(what: &str, launches: &Launches) {
    println!("\n{what}: {} launches", sum(launches));
    let mut by_name = BTreeMap::<String, usize>::new();
    launches.iter().for_each(|(kernel, count)| *by_name.entry(short(kernel)).or_default() += count);
    let mut by_count: Vec<_> = by_name.into_iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    by_count.iter().for_each(|(kernel, count)| println!("{count:6}  {kernel}"));
}

/// The name of a kernel without modules, and with its parameter if it has a single plain one: `KernelBinop<MulOp>`.
fn short(kernel: &str) -> String {
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_string();
    let (name, parameters) = kernel.split_once('<').unwrap_or((kernel, ""));
    let parameter = parameters.strip_suffix('>').filter(|plain| !plain.contains(['<', ',', ' ']));
    parameter.map_or(last(name), |plain| format!("{}<{}>", last(name), last(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kernels_are_short() {
        assert_eq!(short("a::kernel::CopyKernel"), "CopyKernel");
        assert_eq!(short("a::b::KernelBinop<a::b::MulOp>"), "KernelBinop<MulOp>");
        assert_eq!(short("a::Entry<a::Args, b::Of<c::D>>"), "Entry");
    }
}
