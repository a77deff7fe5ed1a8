//! What (IA)³ costs on a model, beside the ways it is compared with; arithmetic on shapes, no weight is read.

mod shape;

use std::collections::BTreeSet;

use ia3_core::config::{ModuleInfo, ModuleKind};
use ia3_core::{ModelInfo, Placement, Plan};

use crate::config::ModelConfig;
use shape::Shape;

/// What is to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Tokens of an example, target included.
    pub seq: usize,
    /// Examples a step.
    pub batch: usize,
    /// Optimiser steps.
    pub steps: usize,
    /// Rank of LoRA.
    pub lora_rank: usize,
    /// Examples in the prompt of in-context learning.
    pub shots: usize,
    /// Tokens of such an example.
    pub shot_tokens: usize,
    /// Bytes of a weight of the base.
    pub weight_bytes: usize,
}

/// A way to make a model do a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// (IA)³; the base is frozen.
    Ia3,
    /// LoRA of this rank on every linear layer but the head; the base is frozen.
    Lora(usize),
    /// All weights are trained.
    FullFineTuning,
    /// So many examples in the prompt, nothing is trained.
    InContext(usize),
}

/// What a method costs. Bytes are of memory or disk as the field says; 0 where a method has no such thing.
///
/// Figures follow arXiv 2205.05638 §4.2: `N` parameters of the model take `2N` operations a token in inference and `6N` in
/// training, an encoder-decoder half as many, since each token passes one of its two stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The method.
    pub method: Method,
    /// Parameters that are trained.
    pub trainable_parameters: u64,
    /// Bytes a task takes on disk: 4 a trained parameter, or 4 a token of the examples in the prompt.
    pub disk_bytes: u64,
    /// Operations of one example's inference.
    pub inference_flops: u128,
    /// Operations of the training, counted as the paper counts them: three times the inference.
    pub training_flops: u128,
    /// The same without what is not computed: a frozen base needs no gradient of its weights, so two thirds.
    pub frozen_training_flops: u128,
    /// Memory of the base's weights.
    pub weight_memory: u64,
    /// Memory of float32 gradients and of AdamW's two moments: 12 a trained parameter, 16 with a float32 copy where all are
    /// trained and the weights have fewer bytes.
    pub optimizer_memory: u64,
    /// An estimate of the memory of a training step's float32 activations, see `docs/cost.md`; of in-context learning that
    /// of the keys and values of the prompt's examples, at the bytes of a weight.
    pub activation_memory: u64,
}

/// The costs of (IA)³ by `plan`, LoRA, full fine-tuning and in-context learning, in this order.
///
/// `parameters` is `num_params()` of the model, which has the modules of `info`.
pub fn costs(
    config: &ModelConfig,
    info: &ModelInfo,
    parameters: usize,
    plan: &Plan,
    workload: &Workload,
) -> Vec<Cost> {
    let model = Base { shape: Shape::of(config), info, parameters: parameters as u64, plan, workload };
    let (rank, shots) = (workload.lora_rank, workload.shots);
    [Method::Ia3, Method::Lora(rank), Method::FullFineTuning, Method::InContext(shots)]
        .map(|method| model.cost(method))
        .into()
}

struct Base<'a> {
    shape: Shape,
    info: &'a ModelInfo,
    parameters: u64,
    plan: &'a Plan,
    workload: &'a Workload,
}

impl Base<'_> {
    fn cost(&self, method: Method) -> Cost {
        let w = self.workload;
        let prompt = match method {
            Method::InContext(shots) => shots * w.shot_tokens,
            _ => 0,
        };
        let trainable = self.trainable(method);
        let training = match method {
            Method::InContext(_) => 0,
            _ => 3 * self.forward(w.seq) * w.batch as u128 * w.steps as u128,
        };
        Cost {
            method,
            trainable_parameters: trainable,
            disk_bytes: 4 * (trainable + prompt as u64),
            inference_flops: self.forward(prompt + w.seq),
            training_flops: training,
            frozen_training_flops: if method == Method::FullFineTuning { training } else { training / 3 * 2 },
            weight_memory: self.parameters * w.weight_bytes as u64,
            optimizer_memory: trainable * self.optimizer_bytes(method),
            activation_memory: match method {
                Method::InContext(_) => (self.shape.cached * prompt * w.weight_bytes) as u64,
                _ => 4 * (w.batch * w.seq) as u64 * self.stored(method),
            },
        }
    }

    fn forward(&self, tokens: usize) -> u128 {
        let stacks = if self.shape.two_stacks { 1 } else { 2 };
        stacks * u128::from(self.parameters) * tokens as u128
    }

    fn optimizer_bytes(&self, method: Method) -> u64 {
        let copy = method == Method::FullFineTuning && self.workload.weight_bytes < 4;
        if copy { 16 } else { 12 }
    }

    fn trainable(&self, method: Method) -> u64 {
        match method {
            Method::FullFineTuning => self.parameters,
            Method::InContext(_) => 0,
            Method::Lora(rank) => {
                let adapted = self.adapted_by_lora().map(|(d_in, d_out)| rank * (d_in + d_out));
                (adapted.sum::<usize>() + self.saved()) as u64
            }
            Method::Ia3 => (self.plan.sites.iter().map(|site| site.len).sum::<usize>() + self.saved()) as u64,
        }
    }

    /// Parameters of the modules that are trained whole, a classifier's head.
    fn saved(&self) -> usize {
        let saved: BTreeSet<&String> = self.plan.modules_to_save.iter().collect();
        let modules = self.info.modules.iter().filter(|module| saved.contains(&module.path));
        let size = |module: &ModuleInfo| match module.kind {
            ModuleKind::Linear { d_in, d_out, bias } | ModuleKind::Conv1D { d_in, d_out, bias } => {
                d_in * d_out + if bias { d_out } else { 0 }
            }
            ModuleKind::Embedding { rows, dim } => rows * dim,
            _ => 0,
        };
        modules.map(size).sum()
    }

    fn linears(&self) -> impl Iterator<Item = (&ModuleInfo, usize, usize)> {
        self.info.modules.iter().filter_map(|module| match module.kind {
            ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. } => {
                Some((module, d_in, d_out))
            }
            _ => None,
        })
    }

    fn adapted_by_lora(&self) -> impl Iterator<Item = (usize, usize)> {
        let saved: BTreeSet<&String> = self.plan.modules_to_save.iter().collect();
        let adapted = self.linears().filter(move |(m, ..)| !m.output_embedding && !saved.contains(&m.path));
        adapted.map(|(_, d_in, d_out)| (d_in, d_out))
    }

    /// Numbers that a token leaves for the backward pass: the output of every linear layer, which what follows needs, and
    /// the attention weights before and after dropout; for a trained matrix its input; for a vector the values it scales.
    fn stored(&self, method: Method) -> u64 {
        let outputs: usize = self.linears().map(|(_, _, d_out)| d_out).sum();
        let attention = 2 * self.shape.attentions * self.shape.heads * self.workload.seq;
        let own: usize = match method {
            Method::FullFineTuning => self.linears().map(|(_, d_in, _)| d_in).sum(),
            Method::Lora(rank) => self.adapted_by_lora().map(|(d_in, _)| d_in + rank).sum(),
            // The output that a vector scales is counted already.
            Method::Ia3 => {
                let inputs = self.plan.sites.iter().filter(|site| site.placement == Placement::Input);
                inputs.map(|site| site.len).sum()
            }
            Method::InContext(_) => 0,
        };
        (outputs + attention + own) as u64
    }
}

#[cfg(test)]
mod tests;
