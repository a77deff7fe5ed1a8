use std::collections::BTreeMap;

use burn::module::{Module, ParamId};
use burn::tensor::{Distribution, Tensor, TensorData};
use ia3_config::{Ia3Config, ModelInfo, Placement, Plan, Site};

use crate::error::AdapterError;
use crate::param_ref::ParamKind;
use crate::saved_params::SavedParams;
use crate::vector::Ia3Vector;
use crate::visit_params::visit_params;

/// A set of learned vectors with its configuration: a plain value that does not refer to a model.
///
/// [`Adapter::init`] makes one from a plan, and `ia3-io` loads one from a file. [`attach`](crate::attach) attaches it to a
/// model, [`Adapter::extract`] reads it back after training, and [`merge`](crate::merge) multiplies it into the weights.
/// A clone shares the parameters of the original; [`Adapter::fork`] makes new ones.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// The resolved configuration: what `adapter_config.json` says.
    pub config: Ia3Config,
    /// The vectors by module path, e.g. `encoder.block.0.layer.0.SelfAttention.k`.
    pub vectors: BTreeMap<String, Ia3Vector>,
    /// The parameters of `modules_to_save` by parameter path (`classifier.weight`), in burn's layout.
    pub saved: SavedParams,
}

impl Adapter {
    /// A new adapter for the sites of `plan` on `base`. Its vectors are ones, so that the adapted model equals the base bit
    /// for bit; with `init_ia3_weights: false` in the configuration they are drawn from N(0, 1), as PEFT does for tests.
    /// `modules_to_save` start as copies of the parameters of the base.
    pub fn init<M: Module>(base: &M, plan: &Plan) -> Self {
        Self::make(base, plan, false)
    }

    /// As [`init`](Self::init), but a vector of ones takes memory only once it is read (PEFT's
    /// `low_cpu_mem_usage`).
    pub fn init_lazy<M: Module>(base: &M, plan: &Plan) -> Self {
        Self::make(base, plan, true)
    }

    fn make<M: Module>(base: &M, plan: &Plan, lazy: bool) -> Self {
        let device = base.devices().first().cloned().unwrap_or_default().without_autodiff();
        let vector = |site: &Site| {
            let random = || Tensor::random([site.len], Distribution::Normal(0., 1.), &device);
            let vector = match (plan.config.init_ia3_weights, lazy) {
                (true, true) => Ia3Vector::lazy_ones(site.len, site.placement, &device),
                (true, false) => Ia3Vector::new(Tensor::ones([site.len], &device), site.placement),
                (false, _) => Ia3Vector::new(random(), site.placement),
            };
            let vector = vector.with_weight_rank(site.kind.weight_rank());
            (site.path.clone(), vector)
        };
        Self {
            config: plan.config.clone(),
            vectors: plan.sites.iter().map(vector).collect(),
            saved: copies(base, &plan.modules_to_save).into(),
        }
    }

    /// The same adapter with the queries' part of every fused projection held at 1: the paper's placement, which
    /// scales keys and values only, where PEFT's default scales all of `c_attn` or `query_key_value` (its #1483).
    ///
    /// Held values get no gradient and no decay, and are written as 1, so the file is one that PEFT reads.
    ///
    /// # Errors
    ///
    /// [`AdapterError::NothingFused`] if no vector scales the output of a fused projection.
    pub fn kv_only(mut self, base: &ModelInfo) -> Result<Self, AdapterError> {
        let mut fused = 0;
        for module in base.modules.iter().filter(|m| !m.queries.is_empty()) {
            let Some(vector) = self.vectors.get_mut(&module.path) else { continue };
            if vector.placement == Placement::Output {
                *vector = vector.clone().hold(&module.queries);
                fused += 1;
            }
        }
        if fused > 0 { Ok(self) } else { Err(AdapterError::NothingFused) }
    }

    /// The same values as new parameters, which train independently of these.
    pub fn fork(&self) -> Self {
        let fork = |(path, v): (&String, &Ia3Vector)| (path.clone(), v.fork());
        let vectors = self.vectors.iter().map(fork).collect();
        Self { config: self.config.clone(), vectors, saved: self.saved.fork() }
    }

    /// The identity that clones of this adapter share: that of its first vector.
    pub(crate) fn id(&self) -> Option<ParamId> {
        self.vectors.values().next().map(|v| v.l.id)
    }

    /// Whether `other` is a clone of this adapter.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id().is_some() && self.id() == other.id()
    }

    /// The identities of the parameters of this adapter on a model whose batch entries have their own adapters
    /// ([`attach_rows`](crate::attach_rows)): those of its vectors and of its copies of `modules_to_save`.
    pub fn param_ids(&self) -> Vec<ParamId> {
        self.vectors.values().map(|v| v.l.id).chain(self.saved.paths_by_id().into_keys()).collect()
    }

    /// The number of learned values: vectors and `modules_to_save`.
    pub fn num_params(&self) -> usize {
        let vectors: usize = self.vectors.values().map(Ia3Vector::len).sum();
        let saved: usize = self.saved.values().map(TensorData::num_elements).sum();
        vectors + saved
    }

    /// Bytes of memory that the values take: those of the vectors that were read (see [`init_lazy`](Self::init_lazy)),
    /// and of `modules_to_save`.
    pub fn num_bytes(&self) -> usize {
        let read = self.vectors.values().filter(|v| v.l.is_initialized());
        let vectors: usize = read.map(|v| v.len() * size_of::<f32>()).sum();
        vectors + self.saved.values().map(|data| data.bytes().len()).sum::<usize>()
    }

    /// The number of values that training can change: all but those held at 1 (see [`kv_only`](Self::kv_only)).
    pub fn num_trainable(&self) -> usize {
        self.num_params() - self.vectors.values().map(Ia3Vector::num_held).sum::<usize>()
    }
}

/// The parameters inside `modules`, by path.
fn copies<M: Module>(base: &M, modules: &[String]) -> BTreeMap<String, TensorData> {
    let mut copies = BTreeMap::new();
    visit_params(base, |path, param| {
        let path = path.to_string();
        let inside = |m: &String| path.strip_prefix(m.as_str()).is_some_and(|p| p.starts_with('.'));
        if param.kind() == ParamKind::Float && modules.iter().any(inside) {
            copies.insert(path, param.data());
        }
    });
    copies
}
