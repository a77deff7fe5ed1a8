use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};

use crate::path::{ParameterPath, VisitParam, visit};

/// Lists the modules of any burn module, containers included, without initialising a weight.
///
/// Layers are recognised by the type that holds the parameters: `Linear`, `Conv1D` and `Embedding`;
/// everything else is [`ModuleKind::Other`] under its type's name. `model_type` is Hugging Face's
/// (`t5`, `gpt2`, …) and selects PEFT's default targets; `output_embedding` is the path of the
/// language-model head, which `all-linear` leaves alone.
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
    visit(module, &mut found);
    let modules = found.modules.into_iter().map(|m| ModuleInfo {
        output_embedding: Some(m.path.as_str()) == output_embedding,
        ..ModuleInfo::new(m.path.clone(), m.kind())
    });
    ModelInfo { model_type: model_type.map(str::to_string), modules: modules.collect() }
}

#[derive(Default)]
struct Found {
    modules: Vec<FoundModule>,
}

struct FoundModule {
    path: String,
    type_name: String,
    weight: Vec<usize>,
    bias: bool,
}

impl FoundModule {
    fn kind(&self) -> ModuleKind {
        match (self.type_name.as_str(), self.weight.as_slice()) {
            ("Linear", &[d_in, d_out]) => ModuleKind::Linear { d_in, d_out, bias: self.bias },
            ("Conv1D", &[d_in, d_out]) => ModuleKind::Conv1D { d_in, d_out, bias: self.bias },
            ("Embedding", &[rows, dim]) => ModuleKind::Embedding { rows, dim },
            _ => ModuleKind::Other { type_name: self.type_name.clone() },
        }
    }
}

impl Found {
    /// The module at `path`, listed where the traversal first enters something inside it.
    fn module(&mut self, path: String, holder: &str) -> &mut FoundModule {
        let index = self.modules.iter().rposition(|m| m.path == path).unwrap_or_else(|| {
            let type_name = holder.to_string();
            self.modules.push(FoundModule { path, type_name, weight: vec![], bias: false });
            self.modules.len() - 1
        });
        &mut self.modules[index]
    }
}

impl VisitParam for Found {
    fn enter(&mut self, path: &ParameterPath) {
        let (module, _) = path.split();
        if !module.is_empty() && !path.inside_reparameterization() {
            self.module(module, path.holder());
        }
    }

    fn visit<const D: usize>(&mut self, path: &ParameterPath, param: &Param<Tensor<D>>) {
        let (module, leaf) = path.split();
        if module.is_empty() || path.inside_reparameterization() {
            return;
        }
        let leaf = leaf.to_string();
        let module = self.module(module, path.holder());
        match leaf.as_str() {
            "weight" => module.weight = param.lazy_shape().to_vec(),
            "bias" => module.bias = true,
            _ => {}
        }
    }
}
