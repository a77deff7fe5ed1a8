//! Computes what (IA)³ costs on a model, compared with other methods. The costs are computed from shapes; no weight is read.

use std::collections::BTreeSet;

use ia3_core::config::{ModuleInfo, ModuleKind};
use ia3_core::{ModelInfo, Placement, Plan};

use crate::config::ModelConfig;
use crate::shape::Shape;

/// The training and inference whose costs are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The number of tokens of an example, including its target.
    pub seq: usize,
    /// The number of examples per step.
    pub batch: usize,
    /// The number of optimiser steps.
    pub steps: usize,
    /// The rank of LoRA.
    pub lora_rank: usize,
    /// The number of examples in the prompt of in-context learning.
    pub shots: usize,
    /// The number of tokens of such an example.
    pub shot_tokens: usize,
    /// The number of bytes per weight of the base.
    pub weight_bytes: usize,
}

/// A method of adapting a model to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// (IA)³. The base is frozen.
    Ia3,
    /// LoRA of this rank on every linear layer except the head. The base is frozen.
    Lora(usize),
    /// Full fine-tuning: all weights are trained.
    FullFineTuning,
    /// In-context learning: the prompt holds this number of examples, and nothing is trained.
    InContext(usize),
}

/// The costs of a method. Sizes are in bytes. A cost that a method does not have is 0.
///
/// Operations are counted as in arXiv 2205.05638 §4.2: a model with `N` parameters takes `2N` operations per token in inference
/// and `6N` in training. An encoder-decoder takes half as many, because each token passes through only one of its two stacks; of
/// experts those count that a token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The method.
    pub method: Method,
    /// The number of parameters that are trained.
    pub trainable_parameters: u64,
    /// The bytes on disk per task: 4 per trained parameter, or 4 per token of the examples in the prompt.
    pub disk_bytes: u64,
    /// The operations of the inference for one example.
    pub inference_flops: u128,
    /// The operations of the training as the paper counts them, which are three times those of the inference.
    pub training_flops: u128,
    /// The operations of the training that are computed. With a frozen base they are two thirds of `training_flops`, because
    /// its weights need no gradient.
    pub frozen_training_flops: u128,
    /// The memory of the base's weights.
    pub weight_memory: u64,
    /// The memory of float32 gradients and of AdamW's two moments: 12 bytes per trained parameter. It is 16 bytes if all weights
    /// are trained and have fewer than 4 bytes, because training then keeps a float32 copy of them.
    pub optimizer_memory: u64,
    /// An estimate of the memory of the float32 activations of a training step (see `docs/cost.md`). For in-context learning,
    /// it is the memory of the keys and values of the examples in the prompt, stored like the weights.
    pub activation_memory: u64,
}

/// The costs of (IA)³ with the vectors of `plan`, LoRA, full fine-tuning and in-context learning, in this order.
///
/// `parameters` is `num_params()` of the model, which has the modules of `info`.
pub fn costs(
    config: &ModelConfig,
    info: &ModelInfo,
    parameters: usize,
    plan: &Plan,
    workload: &Workload,
) -> Vec<Cost> {
    let model = Base { shape: config.shape(), info, parameters: parameters as u64, plan, workload };
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
        stacks * u128::from(self.parameters - self.idle()) * tokens as u128
    }

    /// The number of weights of experts that a token does not take.
    fn idle(&self) -> u64 {
        let of_experts = self.linears().filter(|(module, ..)| is_expert(&module.path));
        let weights: usize = of_experts
            .map(|(module, d_in, d_out)| d_in * d_out - self.taken(&module.path, d_in * d_out))
            .sum();
        weights as u64
    }

    /// The part of `values` of a layer that a token has on average: all, or those of the experts that it takes.
    fn taken(&self, path: &str, values: usize) -> usize {
        match self.shape.experts.filter(|_| is_expert(path)) {
            Some([own, all]) => values * own / all.max(1),
            None => values,
        }
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

    /// The number of parameters of the modules that are trained whole, such as the head of a classifier.
    fn saved(&self) -> usize {
        let saved: BTreeSet<&String> = self.plan.modules_to_save.iter().collect();
        let modules = self.info.modules_and_tied().filter(|module| saved.contains(&module.path));
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

    /// The number of values per token that are kept for the backward pass: the output of every linear layer, the attention
    /// weights before and after dropout, the input of every trained matrix, and the values that a vector scales.
    fn stored(&self, method: Method) -> u64 {
        let outputs: usize = self.linears().map(|(m, _, d_out)| self.taken(&m.path, d_out)).sum();
        let attention = 2 * self.shape.attentions * self.shape.heads * self.workload.seq;
        let own: usize = match method {
            Method::FullFineTuning => self.linears().map(|(m, d_in, _)| self.taken(&m.path, d_in)).sum(),
            Method::Lora(rank) => self.adapted_by_lora().map(|(d_in, _)| d_in + rank).sum(),
            // The outputs that vectors scale are among the outputs of the linear layers.
            Method::Ia3 => {
                let inputs = self.plan.sites.iter().filter(|site| site.placement == Placement::Input);
                inputs.map(|site| self.taken(&site.path, site.len)).sum()
            }
            Method::InContext(_) => 0,
        };
        (outputs + attention + own) as u64
    }
}

/// Whether a layer is one of an expert.
fn is_expert(path: &str) -> bool {
    path.contains(".experts.")
}

#[cfg(test)]
mod tests;
