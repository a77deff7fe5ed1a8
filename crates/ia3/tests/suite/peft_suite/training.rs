use burn::module::{Module, ModuleMapper, Param};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor, TensorData};
use ia3::Ia3Model;

use crate::common::{Mlp, config, gradients, parameters, train, trained_parameters, two};

#[test]
fn training_reaches_the_adapter_and_nothing_else() {
    let mut model = two();
    let base = parameters(model.base());
    let values =
        |model: &Ia3Model<Mlp>, name: &str| model.adapter(name).unwrap().vectors["lin0"].values().into_data();
    let (before, other) = (values(&model, "default"), values(&model, "other"));
    assert_eq!(gradients(&model.model().clone().train()).len(), 2);
    let trained = train(model.model());
    model.update(&trained).unwrap();
    assert_ne!(values(&model, "default"), before);
    assert_eq!(values(&model, "other"), other);
    assert_eq!(parameters(model.base()), base);
    assert_eq!(model.model().output(), trained.output());
}

#[test]
fn training_with_modules_to_save_trains_the_copies() {
    let config = config(&["lin0"], &[]).with_modules_to_save(["lin1"]);
    let mut model = Ia3Model::new(Mlp::new(), &config, "default").unwrap();
    assert_eq!(trained_parameters(&model), ["*", "*", "default.lin0"]);
    let base = parameters(model.base());
    let trained = train(model.model());
    model.update(&trained).unwrap();
    assert_eq!(parameters(model.base()), base);
    assert_ne!(model.model().lin1.weight.val().into_data(), model.base().lin1.weight.val().into_data());
    assert_eq!(model.model().output(), trained.output());
}

#[test]
fn only_params_of_trained_adapters_are_updated_when_several_are_active() {
    let mut model = two();
    model.set_adapter(["default", "other"]).unwrap();
    model.set_requires_grad(["default"], false).unwrap();
    let values =
        |model: &Ia3Model<Mlp>, name: &str| model.adapter(name).unwrap().vectors["lin1"].values().into_data();
    let before = [values(&model, "default"), values(&model, "other")];
    model.update(&train(model.model())).unwrap();
    assert_eq!(values(&model, "default"), before[0]);
    assert_ne!(values(&model, "other"), before[1]);
}

#[test]
fn a_model_from_elsewhere_is_not_taken_back() {
    let mut model = two();
    let before = parameters(model.model());
    let error = model.update(two().model()).unwrap_err().to_string();
    assert!(error.starts_with("the model carries no vector of this adapter for `lin0`"), "{error}");
    assert_eq!(parameters(model.model()), before);
}

#[test]
fn training_gradient_checkpointing() {
    let model = two();
    let checkpointed = model.model().clone().train().map(&mut Checkpointed);
    let strategy = |m: &Mlp| m.lin0.weight.base().gradient_checkpointing_strategy();
    assert_ne!(strategy(&checkpointed), strategy(&model.model().clone().train()));
    let vectors = &model.adapter("default").unwrap().vectors;
    let values = |mut grads: GradientsParams| -> Vec<TensorData> {
        vectors.values().map(|v| grads.remove::<1>(v.l.id).expect("a gradient").into_data()).collect()
    };
    let plain = gradients(&model.model().clone().train());
    assert_eq!(values(gradients(&checkpointed)), values(plain));
}

/// Makes the backward pass compute again what it can.
struct Checkpointed;

impl ModuleMapper for Checkpointed {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let device = Device::flex().autodiff().gradient_checkpointing();
        let strategy = device.gradient_checkpointing_strategy().expect("a device with autodiff");
        param.map(|t| t.with_gradient_checkpointing_strategy(strategy))
    }
}

#[test]
fn training_on_goes_on_where_it_stopped() {
    let mut model = two();
    let straight = {
        let mut trained = model.model().clone().train();
        let mut optimizer = SgdConfig::new().init();
        for _ in 0..6 {
            let grads = gradients(&trained);
            trained = optimizer.step(0.1, trained, grads);
        }
        trained.valid().output()
    };
    model.update(&train(model.model())).unwrap();
    model.update(&train(model.model())).unwrap();
    assert_eq!(model.model().output(), straight);
}
