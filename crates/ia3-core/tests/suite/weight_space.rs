//! Adapters on a model that somebody else wrote: burn's own transformer, through the weights it reads.

use burn::module::Module;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Tensor, Tolerance};
use ia3_core::{Adapter, Ia3Config, Plan, attach_to_weights, merge, model_info};

fn encoder(device: &Device) -> TransformerEncoder {
    device.seed(3);
    TransformerEncoderConfig::new(16, 32, 4, 2).with_dropout(0.0).init(device)
}

fn plan(encoder: &TransformerEncoder, targets: &[&str], feedforward: &[&str]) -> Plan {
    let config = Ia3Config::new().with_target_modules(targets).with_feedforward_modules(feedforward);
    config.plan(&model_info(encoder, None, None)).unwrap()
}

fn forward(encoder: &TransformerEncoder, x: &Tensor<3>) -> Tensor<3> {
    encoder.forward(TransformerEncoderInput::new(x.clone()))
}

#[test]
fn input_vectors_are_trained_extracted_and_merged() {
    let device = Device::flex();
    let base = encoder(&device);
    let adapter = Adapter::init(&base, &plan(&base, &["linear_outer"], &["linear_outer"]));
    assert_eq!(adapter.vectors.len(), 2);
    let x = Tensor::random([2, 5, 16], Distribution::Normal(0., 1.), &device);
    let target = Tensor::random([2, 5, 16], Distribution::Normal(0., 1.), &device);
    let mut model = attach_to_weights(&base, &[&adapter]).unwrap().train();
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.0).init();
    let mut losses = vec![];
    for _ in 0..20 {
        let loss = (forward(&model, &x) - target.clone()).square().mean();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        assert_eq!(grads.len(), 2);
        losses.push(loss.into_scalar::<f32>());
        model = optimizer.step(0.05, model, grads);
    }
    assert!(losses[19] < losses[0], "{losses:?}");
    let trained = adapter.extract(&model).unwrap();
    let expected = forward(&model.valid(), &x).into_data();
    let merged = forward(&merge(&base, &[&trained]).unwrap(), &x).into_data();
    merged.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-5));
}

#[test]
fn an_output_vector_on_a_bias_is_refused_with_the_way_out() {
    let device = Device::flex();
    let base = encoder(&device);
    let adapter = Adapter::init(&base, &plan(&base, &["key"], &[]));
    let error = attach_to_weights(&base, &[&adapter]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`layers.0.mha.key` has a bias, which an output vector must scale too, but an unmodified layer cannot scale its \
         bias; call `ia3_forward` in the module's forward and use `attach`, scale the input of the layer instead \
         (`feedforward_modules`), or use a layer without a bias; `merge` is exact for this layer"
    );
}
