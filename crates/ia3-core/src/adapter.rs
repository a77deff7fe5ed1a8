use std::collections::BTreeMap;

use burn::module::{Module, ParamId};
use burn::tensor::{Distribution, Tensor, TensorData};
use ia3_config::{Ia3Config, ModelInfo, Placement, Plan, Site};

use crate::error::AdapterError;
use crate::param_ref::ParamKind;
use crate::saved_params::SavedParams;
use crate::untie::untied;
use crate::vector::Ia3Vector;
use crate::visit_params::visit_params;

/// A set of learned vectors with its configuration. It is a plain value that does not refer to a model.
///
/// [`Adapter::init`] makes an adapter from a plan, and `ia3-io` loads one from a file. [`attach`](crate::attach) attaches it
/// to a model, [`Adapter::extract`] reads it back after training, and [`merge`](crate::merge) multiplies it into the weights.
/// A clone shares the parameters of the original; [`Adapter::fork`] copies them into new parameters.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// The resolved configuration, which `adapter_config.json` holds.
    pub config: Ia3Config,
    /// The vectors by module path, such as `encoder.block.0.layer.0.SelfAttention.k`.
    pub vectors: BTreeMap<String, Ia3Vector>,
    /// The parameters of `modules_to_save` by parameter path (`classifier.weight`), in burn's layout.
    pub saved: SavedParams,
}

impl Adapter {
    /// A new adapter for the sites of `plan` on `base`. Its vectors hold ones, so that the adapted model equals the base bit
    /// for bit. If the configuration has `init_ia3_weights: false`, the values are drawn from N(0, 1), as PEFT does for tests.
    /// `modules_to_save` start as copies of the parameters of the base.
    pub fn init<M: Module>(base: &M, plan: &Plan) -> Self {
        Self::make(base, plan, false)
    }

    /// A new adapter as from [`init`](Self::init), except that a vector of ones takes memory only when it is first read. This
    /// is PEFT's `low_cpu_mem_usage`.
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

    /// The same adapter with the queries of every fused projection held at 1. This is the placement of the paper, which
    /// scales only keys and values. PEFT's default scales all outputs of `c_attn` or `query_key_value` (PEFT's issue 1483).
    ///
    /// Held values get no gradient and no weight decay, and a file holds them as 1, so PEFT can read it.
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

    /// An adapter with the same values in new parameters, which train independently of the parameters of this adapter.
    pub fn fork(&self) -> Self {
        let fork = |(path, v): (&String, &Ia3Vector)| (path.clone(), v.fork());
        let vectors = self.vectors.iter().map(fork).collect();
        Self { config: self.config.clone(), vectors, saved: self.saved.fork() }
    }

    /// The identity that all clones of this adapter share, which is the identity of its first vector.
    pub(crate) fn id(&self) -> Option<ParamId> {
        self.vectors.values().next().map(|v| v.l.id)
    }

    /// Whether `other` is a clone of this adapter.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id().is_some() && self.id() == other.id()
    }

    /// The identities that the parameters of this adapter have on a model whose batch entries have their own adapters
    /// ([`attach_rows`](crate::attach_rows)): the identities of its vectors and of its copies of `modules_to_save`.
    pub fn param_ids(&self) -> Vec<ParamId> {
        self.vectors.values().map(|v| v.l.id).chain(self.saved.paths_by_id().into_keys()).collect()
    }

    /// The number of learned values in the vectors and in `modules_to_save`.
    pub fn num_params(&self) -> usize {
        let vectors: usize = self.vectors.values().map(Ia3Vector::len).sum();
        let saved: usize = self.saved.values().map(TensorData::num_elements).sum();
        vectors + saved
    }

    /// The bytes of memory that the values take. They include `modules_to_save` and the vectors that have been read (see
    /// [`init_lazy`](Self::init_lazy)).
    pub fn num_bytes(&self) -> usize {
        let read = self.vectors.values().filter(|v| v.l.is_initialized());
        let vectors: usize = read.map(|v| v.len() * size_of::<f32>()).sum();
        vectors + self.saved.values().map(|data| data.bytes().len()).sum::<usize>()
    }

    /// The number of values that training can change: all values except those held at 1 (see [`kv_only`](Self::kv_only)).
    pub fn num_trainable(&self) -> usize {
        self.num_params() - self.vectors.values().map(Ia3Vector::num_held).sum::<usize>()
    }
}

/// The parameters inside `modules`, by path.
fn copies<M: Module>(base: &M, modules: &[String]) -> BTreeMap<String, TensorData> {
    let mut copies = BTreeMap::new();
    let inside = |path: &str| {
        modules.iter().any(|module| path.strip_prefix(module.as_str()).is_some_and(|p| p.starts_with('.')))
    };
    visit_params(&untied(base, inside), |path, param| {
        let path = path.to_string();
        if param.kind() == ParamKind::Float && inside(&path) {
            copies.insert(path, param.data());
        }
    });
    copies
}
