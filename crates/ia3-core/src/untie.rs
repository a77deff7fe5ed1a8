//! Weights of their own for tied layers.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Flag, Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use crate::param_path::ParamPath;
use crate::tied::{TIED_EMBEDDING, TIED_LINEAR};
use crate::visit_params::{ParamVisitor, visit_params_with};

/// A tied layer of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    /// Path of the layer.
    pub(crate) module: String,
    /// Path of the embedding whose weight it has.
    pub(crate) embedding: String,
    /// Whether the layer is linear; otherwise it is an embedding itself.
    pub(crate) linear: bool,
}

/// The tied layers of `module`. No weight is initialised.
pub(crate) fn ties<M: Module>(module: &M) -> Vec<Tie> {
    let mut found = Found::default();
    visit_params_with(module, &mut found);
    let Found { ties, weights } = found;
    let resolved = ties.into_iter().filter_map(|(path, to, linear)| {
        let embedding = outwards(&path, &to).find(|embedding| weights.contains(&weight_of(embedding)))?;
        Some(Tie { module: path, embedding, linear })
    });
    resolved.collect()
}

/// `base`, whose tied layers have weights of their own where the parameter of the layer or of the embedding is `replaced`.
/// All of them share the memory of the base.
pub(crate) fn untied<M: Module>(base: &M, replaced: impl Fn(&str) -> bool) -> M {
    let concerned =
        |tie: &Tie| [&tie.module, &tie.embedding].into_iter().any(|path| replaced(&weight_of(path)));
    let ties: Vec<Tie> = ties(base).into_iter().filter(concerned).collect();
    if ties.is_empty() {
        return base.clone();
    }
    let mut weights =
        Weights { wanted: ties.iter().map(|tie| weight_of(&tie.embedding)).collect(), ..Default::default() };
    visit_params_with(base, &mut weights);
    let weight =
        |tie: Tie| Some((weight_of(&tie.module), weights.found.get(&weight_of(&tie.embedding))?.clone()));
    let mut untier =
        Untier { weights: ties.into_iter().filter_map(weight).collect(), path: ParamPath::default() };
    base.clone().map(&mut untier)
}

fn weight_of(module: &str) -> String {
    format!("{module}.weight")
}

/// `to` beside `path`, then beside the module around it, and so on to the root.
fn outwards<'a>(path: &'a str, to: &'a str) -> impl Iterator<Item = String> + 'a {
    let parents = path.rmatch_indices('.').map(|(end, _)| &path[..end]);
    parents.map(move |parent| format!("{parent}.{to}")).chain([to.to_string()])
}

#[derive(Default)]
struct Found {
    ties: Vec<(String, String, bool)>,
    weights: BTreeSet<String>,
}

impl ParamVisitor for Found {
    fn enter(&mut self, path: &ParamPath) {
        if [TIED_LINEAR, TIED_EMBEDDING].contains(&path.container()) {
            let linear = path.container() == TIED_LINEAR;
            self.ties.push((path.module(), path.name().to_string(), linear));
        }
    }

    fn visit_float<const D: usize>(&mut self, path: &ParamPath, _: &Param<Tensor<D>>) {
        self.weights.insert(path.to_string());
    }
}

/// Reads the weights of embeddings.
#[derive(Default)]
struct Weights {
    wanted: BTreeSet<String>,
    found: BTreeMap<String, Tensor<2>>,
}

impl ParamVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        let path = path.to_string();
        if D == 2 && self.wanted.contains(&path) {
            let [rows, dim] = param.lazy_shape().dims();
            self.found.insert(path, param.base().detach().reshape([rows, dim]));
        }
    }
}

/// Gives tied layers weights, by the paths of the weights.
struct Untier {
    weights: BTreeMap<String, Tensor<2>>,
    path: ParamPath,
}

impl ModuleMapper for Untier {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    /// Another flag where the tied layer that shows its flag gets a weight.
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        match self.weights.contains_key(&self.path.to_string()) {
            true => Param::from_bool(true),
            false => flag,
        }
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weight) = self.weights.get(&self.path.to_string()) else { return param };
        let shape: [usize; D] = weight.shape().dims();
        Param::initialized(ParamId::new(), weight.clone().reshape(shape))
    }
}
