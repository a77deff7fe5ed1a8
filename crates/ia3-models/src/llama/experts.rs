use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, IndexingUpdateOp, Int, Tensor};
use ia3_core::{Ia3Forward, is_by_row};

use super::config::{Experts, LlamaConfig};
use crate::activation::Activation;
use crate::layers::linear;

/// One expert of Mixtral: `w2(act(w1(x)) ⊙ w3(x))`.
#[derive(Module, Debug)]
pub struct MixtralExpert {
    /// The gate, `[d, d_inner]`. The activation is applied to its output.
    pub w1: Linear,
    /// The second matrix, `[d_inner, d]`; an (IA)³ target whose input is scaled.
    pub w2: Linear,
    /// The matrix beside the gate, `[d, d_inner]`. No activation is applied to its output.
    pub w3: Linear,
    #[module(skip)]
    activation: Activation,
}

/// The feed-forward layer of Mixtral: a router, and experts of which each token takes the best ones.
#[derive(Module, Debug)]
pub struct MixtralSparseMoeBlock {
    /// The router, `[d, experts]`.
    pub gate: Linear,
    /// The experts.
    pub experts: Vec<MixtralExpert>,
    #[module(skip)]
    routing: Routing,
}

/// The names that transformers 5 gives the parameters of Mixtral's experts, by those of transformers 4. The matrices of all experts are
/// fused there; `ia3-io` takes them apart under the names of one layer each.
pub(super) fn other_names(config: &LlamaConfig) -> Vec<(String, String)> {
    let layers = (0..config.num_hidden_layers).filter(|_| config.is_mixtral());
    let of_layer = |layer: usize| {
        let block = format!("model.layers.{layer}");
        let gate = "gate.weight".to_string();
        let renamed = [("w1", "gate_proj"), ("w2", "down_proj"), ("w3", "up_proj")];
        let of_expert = move |i: usize| {
            renamed.map(|(w, name)| (format!("experts.{i}.{w}.weight"), format!("experts.{i}.{name}.weight")))
        };
        let experts = config.experts.as_ref().map_or(0, |experts| experts.num_experts);
        let names = [(gate.clone(), gate)].into_iter().chain((0..experts).flat_map(of_expert));
        names.map(move |(own, other)| {
            (format!("{block}.block_sparse_moe.{own}"), format!("{block}.mlp.{other}"))
        })
    };
    layers.flat_map(of_layer).collect()
}

/// How tokens are given to experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Routing {
    /// The number of experts of each token.
    per_token: usize,
    /// Whether the weights of these experts are scaled to a sum of 1.
    normalised: bool,
}

impl Routing {
    pub(super) fn new(experts: &Experts) -> Self {
        Self { per_token: experts.num_experts_per_tok, normalised: experts.norm_topk_prob }
    }
}

/// A feed-forward layer of which there are several.
pub(super) trait Expert: Module {
    /// Computes `[.., d]` of `[.., d]`.
    fn expert(&self, x: Tensor<3>) -> Tensor<3>;

    /// Its layers.
    fn layers(&self) -> [&Linear; 3];
}

impl Expert for MixtralExpert {
    fn expert(&self, x: Tensor<3>) -> Tensor<3> {
        let gate = self.activation.forward(self.w1.ia3_forward(x.clone()));
        self.w2.ia3_forward(gate * self.w3.ia3_forward(x))
    }

    fn layers(&self) -> [&Linear; 3] {
        [&self.w1, &self.w2, &self.w3]
    }
}

impl MixtralSparseMoeBlock {
    /// The module of block `layer`; `None` for other models than Mixtral.
    pub(super) fn of_layer(config: &LlamaConfig, layer: usize, device: &Device) -> Option<Self> {
        let experts = config.experts_of(layer).filter(|_| config.is_mixtral())?;
        Some(Self::new(config, experts, device))
    }

    fn new(config: &LlamaConfig, experts: &Experts, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, experts.width, config.initializer_range);
        let linear = |d_in, d_out| linear(d_in, d_out, false, std, device);
        let expert = || MixtralExpert {
            w1: linear(d, inner),
            w2: linear(inner, d),
            w3: linear(d, inner),
            activation: config.hidden_act,
        };
        Self {
            gate: linear(d, experts.num_experts),
            experts: (0..experts.num_experts).map(|_| expert()).collect(),
            routing: Routing::new(experts),
        }
    }

    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        mixture(&self.gate, &self.experts, self.routing, x)
    }
}

/// The weighted sum `[batch, seq, d]` of the experts that the router gives each token of `x`. An expert computes its own tokens
/// only; where batch entries have their own adapters, it computes all of them, because vectors belong to batch entries.
pub(super) fn mixture<E: Expert>(gate: &Linear, experts: &[E], routing: Routing, x: Tensor<3>) -> Tensor<3> {
    let [batch, seq, d] = x.dims();
    let (weights, chosen) = route(gate.ia3_forward(x.clone()), routing);
    let weights = weights.cast(x.dtype());
    let by_row = |expert: &E| expert.layers().into_iter().any(|layer| is_by_row(&layer.weight));
    if experts.first().is_some_and(by_row) {
        let weigh = |(i, expert): (usize, &E)| {
            expert.expert(x.clone()) * weights.clone().narrow(1, i, 1).reshape([batch, seq, 1])
        };
        return experts.iter().enumerate().map(weigh).reduce(|a, b| a + b).unwrap_or_else(|| x.zeros_like());
    }
    let tokens = x.reshape([batch * seq, d]);
    let mut sum = tokens.zeros_like();
    for (i, expert) in experts.iter().enumerate() {
        let own: Vec<i64> = chosen_tokens(&chosen, experts.len(), i);
        if own.is_empty() {
            touch(expert, &tokens);
            continue;
        }
        let count = own.len();
        let own = Tensor::<1, Int>::from_data(own.as_slice(), &tokens.device());
        let y = expert.expert(tokens.clone().select(0, own.clone()).reshape([1, count, d]));
        let weight = weights.clone().narrow(1, i, 1).select(0, own.clone());
        sum = sum.select_assign(0, own, y.reshape([count, d]) * weight, IndexingUpdateOp::Add);
    }
    sum.reshape([batch, seq, d])
}

/// The weight `[tokens, experts]` of each expert for each token, which is 0 for experts that are not chosen, and whether each is
/// chosen, token by token.
fn route(logits: Tensor<3>, routing: Routing) -> (Tensor<2>, Vec<bool>) {
    let [batch, seq, experts] = logits.dims();
    let device = logits.device();
    let wide = if logits.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let probabilities = softmax(logits.cast(wide).reshape([batch * seq, experts]), 1);
    let values: Vec<f32> = probabilities.clone().detach().into_data().iter().collect();
    let chosen: Vec<bool> = values.chunks(experts).flat_map(|row| best(row, routing.per_token)).collect();
    let mask: Vec<f32> = chosen.iter().map(|chosen| f32::from(u8::from(*chosen))).collect();
    let mask = Tensor::<1>::from_floats(mask.as_slice(), &device).cast(wide).reshape([batch * seq, experts]);
    let weights = probabilities * mask;
    match routing.normalised {
        true => (weights.clone() / weights.sum_dim(1), chosen),
        false => (weights, chosen),
    }
}

/// Whether each value is one of the `count` largest. Of equal values the first is larger.
fn best(row: &[f32], count: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let mut chosen = vec![false; row.len()];
    order.into_iter().take(count).for_each(|i| chosen[i] = true);
    chosen
}

/// The tokens that the expert `i` is chosen for.
fn chosen_tokens(chosen: &[bool], experts: usize, i: usize) -> Vec<i64> {
    let own = chosen.iter().skip(i).step_by(experts).enumerate().filter(|(_, chosen)| **chosen);
    own.map(|(token, _)| token as i64).collect()
}

/// Runs an expert without tokens on one, in builds that check that every layer with vectors is computed.
fn touch<E: Expert>(expert: &E, tokens: &Tensor<2>) {
    if cfg!(debug_assertions) {
        let [_, d] = tokens.dims();
        drop(expert.expert(tokens.clone().narrow(0, 0, 1).reshape([1, 1, d])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_experts_are_chosen_and_know_their_tokens() {
        assert_eq!(best(&[0.2, 0.5, 0.3], 2), [false, true, true]);
        assert_eq!(best(&[0.4, 0.4, 0.2], 1), [true, false, false]);
        let chosen = [false, true, true, true, true, false];
        assert_eq!(chosen_tokens(&chosen, 3, 0), [1]);
        assert_eq!(chosen_tokens(&chosen, 3, 1), [0, 1]);
        assert_eq!(chosen_tokens(&chosen, 3, 2), [0]);
    }

    #[test]
    fn weights_are_scaled_to_one_if_the_model_says_so() {
        let device = Device::flex();
        let logits = Tensor::<3>::from_floats([[[1.0f32, 2.0, 0.0]]], &device);
        let weights = |normalised| -> Vec<f32> {
            route(logits.clone(), Routing { per_token: 2, normalised }).0.into_data().iter().collect()
        };
        let all = 1f32.exp() + 2f32.exp() + 1.0;
        let near = |found: &[f32], expected: [f32; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        near(&weights(false), [1f32.exp() / all, 2f32.exp() / all, 0.0]);
        near(&weights(true), [1.0 / (1.0 + 1f32.exp()), 1f32.exp() / (1.0 + 1f32.exp()), 0.0]);
    }
}
