use burn::module::{Module, Param};
use burn::nn::{Dropout, Initializer, Linear};
use burn::tensor::{DType, Device, Tensor};
use ia3_core::Ia3Forward;
use ia3_ops::attention_with;

use super::config::{DebertaConfig, PositionScores};
use super::distances::Distances;
use crate::attention::{attend, merge_heads, split_heads};
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, dropped, linear};

/// Disentangled attention: `softmax((q·kᵀ + q·k_distanceᵀ + q_distance·kᵀ)/√(parts·d_head) + mask)·v`, where the second and the
/// third part are those that `pos_att_type` names.
#[derive(Module, Debug)]
pub struct DebertaSelfAttention {
    /// The projection to queries, keys and values of a `deberta`, `[d, 3·d]`; an (IA)³ target.
    pub in_proj: Option<Linear>,
    /// The bias of the queries of a `deberta`, `[d]`.
    pub q_bias: Option<Param<Tensor<1>>>,
    /// The bias of the values of a `deberta`, `[d]`.
    pub v_bias: Option<Param<Tensor<1>>>,
    /// The projection of distances to keys in a `deberta`, `[d, d]`.
    pub pos_proj: Option<Linear>,
    /// The projection of distances to queries in a `deberta`, `[d, d]`.
    pub pos_q_proj: Option<Linear>,
    /// The projection to queries of a `deberta-v2`, `[d, d]`.
    pub query_proj: Option<Linear>,
    /// The projection to keys of a `deberta-v2`, `[d, d]`; an (IA)³ target.
    pub key_proj: Option<Linear>,
    /// The projection to values of a `deberta-v2`, `[d, d]`; an (IA)³ target.
    pub value_proj: Option<Linear>,
    /// The projection of distances to keys in a `deberta-v2` without `share_att_key`, `[d, d]`.
    pub pos_key_proj: Option<Linear>,
    /// The projection of distances to queries in a `deberta-v2` without `share_att_key`, `[d, d]`.
    pub pos_query_proj: Option<Linear>,
    /// The dropout on the embeddings of distances.
    pub pos_dropout: Dropout,
    /// The dropout on the attention weights.
    pub dropout: Dropout,
    #[module(skip)]
    heads: FusedHeads,
    #[module(skip)]
    parts: usize,
    #[module(skip)]
    shared: bool,
}

impl DebertaSelfAttention {
    pub(super) fn new(config: &DebertaConfig, device: &Device) -> Self {
        let (d, second) = (config.hidden_size, config.second);
        let layer = |d_out, bias| linear(d, d_out, bias, config.initializer_range, device);
        let of_second = || second.then(|| layer(d, true));
        let zeros = || (!second).then(|| Initializer::Zeros.init([d], device));
        let apart = config.distances.as_ref().filter(|scores| !scores.share_att_key);
        let has = |kind: fn(&PositionScores) -> bool| apart.is_some_and(kind);
        let (keys, queries) =
            (has(|scores| scores.content_to_position), has(|scores| scores.position_to_content));
        Self {
            in_proj: (!second).then(|| layer(3 * d, false)),
            q_bias: zeros(),
            v_bias: zeros(),
            pos_proj: (keys && !second).then(|| layer(d, false)),
            pos_q_proj: (queries && !second).then(|| layer(d, true)),
            query_proj: of_second(),
            key_proj: of_second(),
            value_proj: of_second(),
            pos_key_proj: of_second().filter(|_| keys),
            pos_query_proj: of_second().filter(|_| queries),
            pos_dropout: dropout(config.hidden_dropout_prob),
            dropout: dropout(config.attention_probs_dropout_prob),
            heads: config.heads(),
            parts: config.parts_of_scores,
            shared: config.distances.as_ref().is_some_and(|scores| scores.share_att_key),
        }
    }

    /// Computes the attention for `x` `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<4>>,
        distances: Option<(&PositionScores, &Distances)>,
    ) -> Tensor<3> {
        let [q, k, v] = self.project(x);
        let scaling = ((self.heads.d_head * self.parts) as f64).powf(-0.5);
        let own = distances.and_then(|(scores, distances)| self.of_distances(&q, &k, scores, distances));
        let Some(own) = own else { return merge_heads(attend(q, k, v, mask, scaling, &self.dropout)) };
        let own = own * scaling;
        let bias = Some(match mask {
            Some(mask) => own.cast(mask.dtype()) + mask,
            None => own,
        });
        // In training the bias needs a gradient, which the kernel of attention does not compute. This is decided by the device, so
        // that a block which runs again computes the same both times.
        merge_heads(match q.device().is_autodiff() && q.dtype() == DType::F32 {
            true => attention_with(q, k, v, bias, scaling, |weights| dropped(&self.dropout, weights)),
            false => attend(q, k, v, bias, scaling, &self.dropout),
        })
    }

    /// Queries, keys and values, `[batch, heads, seq, d_head]`.
    fn project(&self, x: Tensor<3>) -> [Tensor<4>; 3] {
        let with = |x: Tensor<4>, bias: &Option<Param<Tensor<1>>>| match bias {
            Some(bias) => {
                let by_head =
                    bias.val().cast(x.dtype()).reshape([1, self.heads.groups, 1, self.heads.d_head]);
                x + by_head
            }
            None => x,
        };
        if let Some(fused) = &self.in_proj {
            let [q, k, v] = self.heads.split(fused.ia3_forward(x));
            return [with(q, &self.q_bias), k, with(v, &self.v_bias)];
        }
        [&self.query_proj, &self.key_proj, &self.value_proj].map(|layer| {
            let layer = layer.as_ref().expect("one of the two versions has been made");
            split_heads(layer.ia3_forward(x.clone()), self.heads.groups)
        })
    }

    /// The scores that come from distances, `[batch, heads, seq, seq]`, before they are scaled.
    fn of_distances(
        &self,
        q: &Tensor<4>,
        k: &Tensor<4>,
        scores: &PositionScores,
        distances: &Distances,
    ) -> Option<Tensor<4>> {
        let embeddings = dropped(&self.pos_dropout, distances.embeddings.clone());
        let of = |layer: &Option<Linear>| {
            let layer = layer.as_ref()?;
            Some(split_heads(layer.ia3_forward_shared(embeddings.clone()), self.heads.groups))
        };
        let [keys, queries] = match (self.shared, self.in_proj.is_some()) {
            (true, _) => [of(&self.key_proj), of(&self.query_proj)],
            (_, true) => [of(&self.pos_proj), of(&self.pos_q_proj)],
            _ => [of(&self.pos_key_proj), of(&self.pos_query_proj)],
        };
        let index = |x: &Tensor<4>| {
            let [batch, heads, seq, _] = x.dims();
            distances.index.clone().reshape([1, 1, seq, seq]).expand([batch, heads, seq, seq])
        };
        let c2p =
            keys.filter(|_| scores.content_to_position).map(|keys| products(q, keys).gather(3, index(q)));
        let p2c = queries.filter(|_| scores.position_to_content).map(|queries| {
            let by_key = products(k, queries).gather(3, index(k).swap_dims(2, 3));
            by_key.swap_dims(2, 3)
        });
        match (c2p, p2c) {
            (Some(c2p), Some(p2c)) => Some(c2p + p2c),
            (c2p, p2c) => c2p.or(p2c),
        }
    }
}

/// `x·distancesᵀ` `[batch, heads, seq, distances]` of `x` `[batch, heads, seq, d_head]` and `distances`
/// `[1 or batch, heads, distances, d_head]`. That of float16 is float32, because scores can be larger than any float16.
fn products(x: &Tensor<4>, distances: Tensor<4>) -> Tensor<4> {
    let dtype = if x.dtype() == DType::F16 { DType::F32 } else { x.dtype() };
    x.clone().cast(dtype).matmul(distances.cast(dtype).swap_dims(2, 3))
}
