use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor};

use crate::param_path::ParamPath;
use crate::param_ref::ParamRef;

/// Calls `visit` with each parameter of `module` and its path, in the order of the fields.
///
/// State that is attached to a parameter is visited too, directly after that parameter; see
/// [`ParamPath::inside_reparameterization`]. No weight is initialised. Code that is generic over the rank of the parameters
/// implements [`ParamVisitor`] instead and calls [`visit_params_with`].
///
/// ```
/// use burn::{nn::LinearConfig, tensor::Device};
/// use ia3_core::visit_params;
///
/// #[derive(burn::module::Module, Debug)]
/// struct Mlp { wi: burn::nn::Linear, wo: burn::nn::Linear }
///
/// let device = Device::flex();
/// let mlp = Mlp { wi: LinearConfig::new(4, 8).init(&device), wo: LinearConfig::new(8, 4).init(&device) };
/// let mut weights = vec![];
/// visit_params(&mlp, |path, param| {
///     if path.name() == "weight" {
///         weights.push(format!("{} of {}: {:?}", path, path.container(), param.shape().to_vec()));
///     }
/// });
/// assert_eq!(weights, ["wi.weight of Linear: [4, 8]", "wo.weight of Linear: [8, 4]"]);
/// ```
pub fn visit_params<M: Module>(module: &M, visit: impl FnMut(&ParamPath, ParamRef<'_>)) {
    struct Closure<F>(F);
    impl<F: FnMut(&ParamPath, ParamRef<'_>)> ParamVisitor for Closure<F> {
        fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
            self.0(path, ParamRef::new(param));
        }
        fn visit_int<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D, Int>>) {
            self.0(path, ParamRef::new(param));
        }
        fn visit_bool<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D, Bool>>) {
            self.0(path, ParamRef::new(param));
        }
    }
    visit_params_with(module, &mut Closure(visit));
}

/// The callbacks of [`visit_params_with`]. The trait is burn's [`ModuleVisitor`] with the path of each parameter.
pub trait ParamVisitor {
    /// Called when the traversal enters the field at `path`, whether it holds a parameter or not.
    fn enter(&mut self, _path: &ParamPath) {}

    /// Called with each float parameter.
    fn visit_float<const D: usize>(&mut self, _path: &ParamPath, _param: &Param<Tensor<D>>) {}

    /// Called with each integer parameter.
    fn visit_int<const D: usize>(&mut self, _path: &ParamPath, _param: &Param<Tensor<D, Int>>) {}

    /// Called with each boolean parameter.
    fn visit_bool<const D: usize>(&mut self, _path: &ParamPath, _param: &Param<Tensor<D, Bool>>) {}
}

/// Visits the parameters as [`visit_params`] does, with a visitor that is generic over their rank.
pub fn visit_params_with<M: Module>(module: &M, visitor: &mut impl ParamVisitor) {
    module.visit(&mut Traversal { of: visitor, path: ParamPath::default() });
}

/// The callbacks of [`map_params`], which return a new parameter for each parameter. The trait is burn's [`ModuleMapper`] with
/// the path of each parameter. The default implementations return the parameter unchanged.
pub trait ParamMapper {
    /// Maps a float parameter.
    fn map_float<const D: usize>(&mut self, _path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param
    }

    /// Maps an integer parameter.
    fn map_int<const D: usize>(
        &mut self,
        _path: &ParamPath,
        param: Param<Tensor<D, Int>>,
    ) -> Param<Tensor<D, Int>> {
        param
    }

    /// Maps a boolean parameter.
    fn map_bool<const D: usize>(
        &mut self,
        _path: &ParamPath,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        param
    }
}

/// Replaces each parameter of the module by the one that `mapper` returns for it. State that is attached to a parameter is
/// mapped too; see [`ParamPath::inside_reparameterization`].
///
/// ```
/// use burn::{module::Param, nn::LinearConfig, tensor::{Device, Tensor}};
/// use ia3_core::{ParamMapper, ParamPath, map_params};
///
/// struct ZeroBiases;
/// impl ParamMapper for ZeroBiases {
///     fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
///         if path.name() == "bias" { param.map(|bias| bias.zeros_like()) } else { param }
///     }
/// }
/// let layer = map_params(LinearConfig::new(4, 8).init(&Device::flex()), &mut ZeroBiases);
/// assert_eq!(layer.bias.unwrap().val().sum().into_scalar::<f32>(), 0.0);
/// ```
pub fn map_params<M: Module>(module: M, mapper: &mut impl ParamMapper) -> M {
    module.map(&mut Traversal { of: mapper, path: ParamPath::default() })
}

/// A traversal of a module that tracks the path of the current field.
struct Traversal<'a, T> {
    of: &'a mut T,
    path: ParamPath,
}

impl<T: ParamVisitor> ModuleVisitor for Traversal<'_, T> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
        self.of.enter(&self.path);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.of.visit_float(&self.path, param);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.of.visit_int(&self.path, param);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.of.visit_bool(&self.path, param);
    }
}

impl<T: ParamMapper> ModuleMapper for Traversal<'_, T> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.of.map_float(&self.path, param)
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        self.of.map_int(&self.path, param)
    }

    fn map_bool<const D: usize>(&mut self, param: Param<Tensor<D, Bool>>) -> Param<Tensor<D, Bool>> {
        self.of.map_bool(&self.path, param)
    }
}
