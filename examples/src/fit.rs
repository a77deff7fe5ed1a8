use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use ia3::train::OptimizerConfig;

/// Minimises `loss` with AdamW without weight decay. Returns the model in inference mode, the first loss and the last.
pub fn fit<M: Module>(model: M, steps: usize, rate: f64, loss: impl Fn(&M) -> Tensor<1>) -> (M, f32, f32) {
    let mut model = model.train();
    let mut optimizer = OptimizerConfig::adamw().init();
    let mut losses = Vec::with_capacity(steps + 1);
    for _ in 0..steps {
        let value = loss(&model);
        losses.push(value.clone().into_scalar::<f32>());
        let grads = GradientsParams::from_grads(value.backward(), &model);
        model = optimizer.step(rate, model, grads);
    }
    let model = model.valid();
    let last = loss(&model).into_scalar::<f32>();
    (model, losses.first().copied().unwrap_or(last), last)
}

/// Returns the largest difference between two tensors.
pub fn difference<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    (a - b).abs().max().into_scalar::<f32>()
}
