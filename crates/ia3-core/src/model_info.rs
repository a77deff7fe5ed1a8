use std::collections::HashMap;

use burn::module::{Module, Param, ParamId};
use burn::tensor::Tensor;
use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};

use crate::groups::groups;
use crate::param_path::ParamPath;
use crate::tied::{TIED_EMBEDDING, TIED_LINEAR};
use crate::untie::{Tie, ties};
use crate::visit_params::{ParamVisitor, visit_params_with};

/// Lists the modules of any burn module, including containers, without initialising a weight.
///
/// A layer is recognised by the type that holds the parameters: `Linear`, `Conv1D`, `Conv2d`, `Conv3d` or `Embedding`. Every
/// other module is [`ModuleKind::Other`] with the name of its type. The number of groups of a convolution is read from the
/// `Debug` text of `module`, because burn shows it nowhere else. If a `Debug` implementation leaves it out, `channels_in` is
/// `None`, and a plan refuses to scale the input of that layer.
///
/// `model_type` is Hugging Face's (`t5`, `gpt2`, …) and selects PEFT's default targets. `output_embedding` is the path of the
/// language-model head, which `all-linear` does not select.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
///
/// #[derive(burn::module::Module, Debug)]
/// struct Mlp { wi: burn::nn::Linear, wo: burn::nn::Linear }
///
/// let device = Device::flex();
/// let mlp = Mlp { wi: LinearConfig::new(4, 8).init(&device), wo: LinearConfig::new(8, 4).init(&device) };
/// let info = ia3_core::model_info(&mlp, None, None);
/// assert_eq!(info.modules[1].path, "wo");
/// ```
pub fn model_info<M: Module>(
    module: &M,
    model_type: Option<&str>,
    output_embedding: Option<&str>,
) -> ModelInfo {
    let mut found = Found::default();
    visit_params_with(module, &mut found);
    let convolutions = found.modules.iter().any(FoundModule::is_convolution);
    let debug = if convolutions { format!("{module:?}") } else { String::new() };
    let is_output = |path: &str| Some(path) == output_embedding;
    let ties = ties(module);
    let modules = found.modules.into_iter().map(|m| ModuleInfo {
        output_embedding: is_output(&m.path),
        tied: ties
            .iter()
            .filter(|tie| tie.embedding == m.path)
            .filter_map(|tie| tied(tie, &m, is_output))
            .collect(),
        ..ModuleInfo::new(m.path.clone(), m.kind(&debug))
    });
    ModelInfo { model_type: model_type.map(str::to_string), modules: modules.collect() }
}

/// A layer that has the weight of `embedding`.
fn tied(tie: &Tie, embedding: &FoundModule, is_output: impl Fn(&str) -> bool) -> Option<ModuleInfo> {
    let &[rows, dim] = embedding.weight.as_slice() else { return None };
    let kind = match tie.linear {
        true => ModuleKind::Linear { d_in: dim, d_out: rows, bias: false },
        false => ModuleKind::Embedding { rows, dim },
    };
    let output_embedding = is_output(&tie.module);
    Some(ModuleInfo { output_embedding, ..ModuleInfo::new(tie.module.clone(), kind) })
}

#[derive(Default)]
struct Found {
    modules: Vec<FoundModule>,
    /// The position of each module in the list.
    places: HashMap<String, usize>,
}

struct FoundModule {
    path: String,
    type_name: String,
    weight: Vec<usize>,
    weight_id: Option<ParamId>,
    bias: bool,
}

impl FoundModule {
    fn is_convolution(&self) -> bool {
        matches!((self.type_name.as_str(), self.weight.len()), ("Conv2d", 4) | ("Conv3d", 5))
    }

    /// The kind of the module. `debug` is the `Debug` text of the model, which contains the groups of convolutions.
    fn kind(&self, debug: &str) -> ModuleKind {
        let bias = self.bias;
        let channels = |per_group: usize| Some(per_group * groups(debug, self.weight_id?)?);
        match (self.type_name.as_str(), self.weight.as_slice()) {
            ("Linear", &[d_in, d_out]) => ModuleKind::Linear { d_in, d_out, bias },
            ("Conv1D", &[d_in, d_out]) => ModuleKind::Conv1D { d_in, d_out, bias },
            ("Conv2d", &[channels_out, per_group, _, _]) => {
                ModuleKind::Conv2d { channels_in: channels(per_group), channels_out, bias }
            }
            ("Conv3d", &[channels_out, per_group, _, _, _]) => {
                ModuleKind::Conv3d { channels_in: channels(per_group), channels_out, bias }
            }
            ("Embedding", &[rows, dim]) => ModuleKind::Embedding { rows, dim },
            _ => ModuleKind::Other { type_name: self.type_name.clone() },
        }
    }
}

impl Found {
    /// The module at `path`. It is added to the list when the traversal first enters a field inside it.
    fn module(&mut self, path: String, container: &str) -> &mut FoundModule {
        let index = *self.places.entry(path).or_insert_with_key(|path| {
            let (path, type_name) = (path.clone(), container.to_string());
            self.modules.push(FoundModule { path, type_name, weight: vec![], weight_id: None, bias: false });
            self.modules.len() - 1
        });
        &mut self.modules[index]
    }
}

impl ParamVisitor for Found {
    fn enter(&mut self, path: &ParamPath) {
        let module = path.module();
        let is_tied = [TIED_LINEAR, TIED_EMBEDDING].contains(&path.container());
        if !module.is_empty() && !path.inside_reparameterization() && !is_tied {
            self.module(module, path.container());
        }
    }

    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        let module = path.module();
        if module.is_empty() || path.inside_reparameterization() {
            return;
        }
        let module = self.module(module, path.container());
        match path.name() {
            "weight" => {
                module.weight = param.lazy_shape().to_vec();
                module.weight_id = Some(param.id);
            }
            "bias" => module.bias = true,
            _ => {}
        }
    }
}
