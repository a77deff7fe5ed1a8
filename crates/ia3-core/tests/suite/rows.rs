//! Every row of a batch under its own adapter: linear layers, convolutions, replaced layers, and what is refused. Whole
//! models: `crates/ia3/tests/suite/rows.rs`.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Distribution, Tensor, activation::gelu};
use ia3_core::{
    ActivationSpace, Adapter, AdapterTable, Ia3Config, Ia3ConvForward, Ia3Forward, Ia3Vector, attach,
    attach_rows, batch_rows, freeze,
};
use proptest::prelude::*;

#[derive(Module, Debug)]
struct Net {
    conv: Conv2d,
    wi: Linear,
    norm: LayerNorm,
    wo: Linear,
    head: Linear,
}

impl ActivationSpace for Net {}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([2, 4], [2, 2]).with_groups(2).init(device),
            wi: LinearConfig::new(16, 6).init(device),
            norm: LayerNormConfig::new(6).init(device),
            wo: LinearConfig::new(6, 5).with_bias(false).init(device),
            head: LinearConfig::new(5, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = gelu(self.conv.ia3_forward(x)).flatten(1, 3);
        let x = self.norm.forward(self.wi.ia3_forward(x));
        self.head.ia3_forward(self.wo.ia3_forward(gelu(x)))
    }

    /// Random vectors, and for the modules to save the base's values with noise.
    fn adapter(&self, targets: &[&str], feedforward: &[&str], saved: &[&str]) -> Adapter {
        let config = Ia3Config::new().with_target_modules(targets).with_feedforward_modules(feedforward);
        let config = config.with_init_ia3_weights(false).with_modules_to_save(saved.iter().copied());
        let mut adapter = Adapter::init(self, &config.plan(&self.info()).unwrap());
        for data in adapter.saved.values_mut() {
            let values: Vec<f32> =
                data.iter::<f32>().enumerate().map(|(i, v)| v + (i as f32).sin()).collect();
            *data = burn::tensor::TensorData::new(values, data.shape().to_vec());
        }
        adapter
    }

    fn adapters(&self) -> [Adapter; 4] {
        [
            self.adapter(&["conv", "wi"], &["wi"], &[]),
            self.adapter(&["conv", "wi", "wo"], &["conv"], &["head"]),
            self.adapter(&["wo"], &["wo"], &["head"]),
            self.adapter(&["wi", "head"], &[], &[]),
        ]
    }
}

fn images(rows: usize, device: &Device) -> Tensor<4> {
    Tensor::random([rows, 2, 3, 3], Distribution::Normal(0.0, 1.0), device)
}

fn worst<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    (a - b).abs().max().into_scalar::<f32>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_row_is_that_row_under_its_adapter(slots in prop::collection::vec(0usize..5, 1..9)) {
        let device = Device::flex();
        let net = Net::new(&device);
        let adapters = net.adapters();
        let rows: Vec<Option<&Adapter>> = slots.iter().map(|&slot| adapters.get(slot)).collect();
        let (x, mixed) = (images(rows.len(), &device), attach_rows(&net, &rows).unwrap());
        prop_assert_eq!(batch_rows(&mixed), Some(rows.len()).filter(|_| rows.iter().any(Option::is_some)));
        let y = mixed.forward(x.clone());
        for (i, row) in rows.into_iter().enumerate() {
            let single = attach(&net, &row.into_iter().collect::<Vec<_>>()).unwrap().forward(x.clone());
            let difference = worst(y.clone().narrow(0, i, 1), single.narrow(0, i, 1));
            prop_assert!(difference <= 1e-5, "row {} of {:?}: {}", i, slots, difference);
        }
    }
}

#[test]
fn rows_of_a_table_change_with_its_places_also_where_a_head_is_replaced() {
    let device = Device::flex();
    let net = Net::new(&device);
    let adapters = [
        net.adapter(&["wi"], &["wi"], &[]),
        net.adapter(&["wi", "wo"], &["wi"], &["head"]),
        net.adapter(&["wo"], &["wo"], &["head"]),
        net.adapter(&["wi", "head"], &[], &[]),
    ];
    let (model, table) = AdapterTable::attach(&net, 2).unwrap();
    let x = images(3, &device);
    for held in [[0, 1], [2, 1], [2, 3], [1, 2]] {
        held.iter().enumerate().for_each(|(place, &i)| table.write(place, &adapters[i]).unwrap());
        for rows in [[Some(0), None, Some(1)], [Some(1), Some(1), Some(0)], [None, None, None]] {
            table.set_rows(&rows);
            let y = model.forward(x.clone());
            for (i, row) in rows.into_iter().enumerate() {
                let own: Vec<&Adapter> = row.map(|place| &adapters[held[place]]).into_iter().collect();
                let single = attach(&net, &own).unwrap().forward(x.clone());
                let difference = worst(y.clone().narrow(0, i, 1), single.narrow(0, i, 1));
                assert!(difference <= 1e-5, "row {i} of {rows:?} with {held:?}: {difference}");
            }
        }
    }
    let before = table.num_bytes();
    table.write(0, &adapters[0]).unwrap();
    assert_eq!(before - table.num_bytes(), (5 * 3 + 3) * 4, "a head that nobody has takes no memory");
}

#[test]
fn a_table_in_half_precision_has_the_rounded_vectors_in_half_of_the_memory() {
    let device = Device::flex();
    let net = Net::new(&device);
    let adapter = net.adapter(&["wi", "wo"], &["wi"], &[]);
    let x = images(2, &device);
    let (_, whole) = AdapterTable::attach(&net, 3).unwrap();
    whole.write(1, &adapter).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let (model, table) = AdapterTable::attach_as(&net, 3, dtype).unwrap();
        table.write(1, &adapter).unwrap();
        assert_eq!(2 * table.num_bytes(), whole.num_bytes());
        table.set_rows(&[Some(1), None]);
        let y = model.forward(x.clone());
        let mut rounded = adapter.clone();
        for vector in rounded.vectors.values_mut() {
            let values = vector.values().cast(dtype).cast(DType::F32);
            *vector = Ia3Vector::new(values, vector.placement);
        }
        for (row, adapters) in [(0, vec![&rounded]), (1, vec![])] {
            let single = attach(&net, &adapters).unwrap().forward(x.clone());
            let difference = worst(y.clone().narrow(0, row, 1), single.narrow(0, row, 1));
            assert!(difference <= 1e-5, "row {row} as {dtype:?}: {difference}");
        }
    }
    let mut large = adapter.clone();
    let vector = large.vectors.get_mut("wo").unwrap();
    *vector = Ia3Vector::new(vector.values() * 0.0 + 70_000.0, vector.placement);
    let (_, half) = AdapterTable::attach_as(&net, 3, DType::F16).unwrap();
    let error = half.write(0, &large).unwrap_err().to_string();
    assert!(error.contains("`wo` has 5 values that are too large for the dtype of the table"), "{error}");
    AdapterTable::attach_as(&net, 3, DType::BF16).unwrap().1.write(0, &large).unwrap();
}

#[test]
fn what_a_table_cannot_have_is_refused() {
    let net = Net::new(&Device::flex());
    let (_, table) = AdapterTable::attach(&net, 1).unwrap();
    let message = |adapter: &Adapter| table.write(0, adapter).unwrap_err().to_string();
    assert!(message(&net.adapter(&["wi"], &[], &["norm"])).starts_with("an adapter replaces `norm.beta`"));
    assert!(message(&net.adapter(&["conv", "wi"], &[], &[])).contains("`conv`"));
    let mut bias = net.adapter(&["wi"], &[], &["head"]);
    bias.saved.remove("head.weight");
    assert!(message(&bias).starts_with("an adapter replaces `head.bias`"));
    let mut other = net.adapter(&["wi"], &[], &["head"]);
    other.saved.insert("head.weight".into(), burn::tensor::TensorData::zeros::<f32, _>([5, 4]));
    assert!(message(&other).contains("head.weight"));
}

#[test]
fn a_row_gives_gradients_to_its_own_adapter_only_and_all_are_read_back() {
    let device = Device::flex();
    let net = Net::new(&device);
    let [a, b, ..] = net.adapters();
    let model = attach_rows(&net, &[Some(&a), Some(&b), None]).unwrap().train();
    let x = images(3, &device.clone().autodiff());
    // Only the second row counts.
    let grads = GradientsParams::from_grads(model.forward(x).narrow(0, 1, 1).sum().backward(), &model);
    let total = |adapter: &Adapter| -> f32 {
        let of = |v: &ia3_core::Ia3Vector| grads.get::<1>(v.l.id).map(|g| g.abs().sum().into_scalar::<f32>());
        adapter.vectors.values().filter_map(of).sum()
    };
    assert_eq!(total(&a), 0.0);
    assert!(total(&b) > 0.0);
    assert_eq!(grads.len(), a.vectors.len() + b.vectors.len() + b.saved.len(), "and none of the base");
    for adapter in [&a, &b] {
        let read = adapter.extract(&model.valid()).unwrap();
        assert_eq!(read.saved, adapter.saved);
        for (path, vector) in &read.vectors {
            vector.values().into_data().assert_eq(&adapter.vectors[path].values().into_data(), true);
        }
    }
    let other = net.adapter(&["wi"], &[], &[]);
    assert!(other.extract(&model).is_err(), "an adapter of no row");
    let frozen = freeze(attach_rows(&net, &[Some(&a), Some(&b)]).unwrap(), &[&b]).train();
    let loss = frozen.forward(images(2, &device.clone().autodiff())).sum();
    assert_eq!(GradientsParams::from_grads(loss.backward(), &frozen).len(), a.vectors.len());
}

#[test]
fn a_bf16_base_scales_each_row_in_float32() {
    let device = Device::flex();
    let layer = LinearConfig::new(4, 8).with_bias(false).init(&device);
    #[derive(Module, Debug)]
    struct One {
        wo: Linear,
    }
    impl ActivationSpace for One {}
    let weight = Param::from_tensor(layer.weight.val().cast(DType::BF16));
    let base = One { wo: Linear { weight, bias: None } };
    let config = Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(["wo"]);
    let plan = config.with_init_ia3_weights(false).plan(&base.info()).unwrap();
    let (a, b) = (Adapter::init(&base, &plan), Adapter::init(&base, &plan));
    let x = Tensor::<3>::random([2, 3, 4], Distribution::Normal(0.0, 1.0), &device).cast(DType::BF16);
    let y = attach_rows(&base, &[Some(&a), Some(&b)]).unwrap().wo.ia3_forward(x.clone());
    for (i, adapter) in [a, b].iter().enumerate() {
        let single = attach(&base, &[adapter]).unwrap().wo.ia3_forward(x.clone());
        let row = |y: &Tensor<3>| y.clone().narrow(0, i, 1).into_data();
        row(&y).assert_eq(&row(&single), true);
    }
}

#[test]
fn what_rows_cannot_have_is_refused() {
    let net = Net::new(&Device::flex());
    let message = |rows: &[Option<&Adapter>]| attach_rows(&net, rows).unwrap_err().to_string();
    assert_eq!(
        message(&[]),
        "the list of rows is empty; name an adapter, or the base, for each row of the batch"
    );
    let norm = net.adapter(&["wi"], &[], &["norm"]);
    assert_eq!(
        message(&[Some(&norm), None]),
        "an adapter replaces `norm.beta`, which cannot differ between the rows of a batch: only whole linear layers (the \
         weight, and the bias if the layer has one) can; put the rows of that adapter into a batch of their own"
    );
    let mut bias = net.adapter(&["wi"], &[], &["head"]);
    bias.saved.remove("head.weight");
    assert!(
        message(&[Some(&bias)])
            .starts_with("an adapter replaces `head.bias`, which cannot differ between the rows of a batch")
    );
    let wi = net.adapter(&["wi"], &[], &[]);
    let rows = attach_rows(&net, &[Some(&wi)]).unwrap();
    let again = attach_rows(&rows, &[Some(&wi)]).unwrap_err().to_string();
    assert!(again.starts_with("`wi` already carries adapter vectors"), "{again}");
    // A clone is the same adapter; another with one of its vectors is not.
    let clone = wi.clone();
    assert!(attach_rows(&net, &[Some(&wi), Some(&clone)]).is_ok());
    let mut shared = net.adapter(&["conv", "wi"], &[], &[]);
    shared.vectors.insert("wi".into(), wi.vectors["wi"].clone());
    assert!(message(&[Some(&wi), Some(&shared)]).starts_with("two adapters share the vector of `wi`"));
}

#[test]
#[should_panic(expected = "the batch has 3 rows, but the model has an adapter for each of 2")]
fn another_number_of_rows_does_not_run() {
    let device = Device::flex();
    let net = Net::new(&device);
    let adapter = net.adapter(&["wi"], &[], &[]);
    attach_rows(&net, &[Some(&adapter), None]).unwrap().forward(images(3, &device));
}
