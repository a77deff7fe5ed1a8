//! Adapters on a quantised base, over the corpus: forward, gradients, and merges into the quantised weights.

use std::collections::BTreeMap;

use crate::common::{Case, beside_gates, cases, device};
use burn::module::{Module, ModuleMapper, Param};
use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Distribution, Int, Tensor, Tolerance};
use ia3::core::config::Between;
use ia3::core::{Adapter, Ia3Forward, QuantizationError, visit_params};
use ia3::io::AdapterFile;
use ia3::models::Model;
use ia3::{AdapterError, Bits, ModelInputs, Placement, PretrainedOptions, Quantization, QuantizedWeight};

/// Largest difference of a logit between the merged quantised model and the adapter on the same quantised base, of the
/// largest logit.
const TOLERANCE: f32 = 1e-5;

/// Largest difference of a gradient on a quantised base and on its float copy, of the largest gradient.
const GRADIENT: f32 = 1e-5;

/// Largest change of the hidden states by integer products, of the change by quantising the weights to eight bits. Both round
/// one factor of each product to a step of its largest magnitude divided by 127, with one step for the same inputs, so the
/// errors of a product are about as large; what a model makes of them is left a factor of 3. How many bits the weights have does
/// not matter for this.
const INTEGERS: f32 = 3.0;

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f32, |m, b| m.max(b.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

/// The model with its quantised weights as floats of the same values.
fn dequantized(model: &Model) -> Model {
    struct Dequantizer;
    impl ModuleMapper for Dequantizer {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(Tensor::dequantize)
        }
    }
    model.clone().map(&mut Dequantizer)
}

fn scales_an_input(adapter: &Adapter) -> bool {
    adapter.vectors.values().any(|v| v.placement == Placement::Input)
}

#[test]
fn output_vectors_merge_exactly_into_quantised_weights() {
    let mut exact = 0;
    for case in cases() {
        for bits in [Bits::Eight, Bits::Four] {
            let (base, report) = ia3::quantize(&case.base, bits).unwrap();
            let adapter = beside_gates(&case.dir, &case.base);
            let adapted = case.logits(&ia3::attach(&base, &[&adapter]).unwrap());
            let float = case.logits(&ia3::attach(&case.base, &[&adapter]).unwrap());
            assert!(worst(&adapted, &float) > 1e-5, "{}: nothing was quantised", case.name);
            if scales_an_input(&adapter) {
                let refused = ia3::merge(&base, &[&adapter]).unwrap_err();
                assert!(
                    matches!(refused, AdapterError::Quantization(QuantizationError::InputVector { .. })),
                    "{}: {refused}",
                    case.name
                );
                let again = ia3::merge_requantizing(&base, &[&adapter]).unwrap();
                let error = again.errors.values().copied().fold(0.0, f64::max);
                println!("{} {bits:?}: quantised anew, error of a weight {error:.1e}", case.name);
                let bound = if bits == Bits::Eight { 0.01 } else { 0.2 };
                assert!(0.0 < error && error < bound, "{}: {error}", case.name);
                continue;
            }
            exact += 1;
            let merged = case.logits(&ia3::merge_safe(&base, &[&adapter]).unwrap());
            let difference = worst(&merged, &adapted);
            println!(
                "{} {bits:?}: merged differs by {difference:.1e}, quantising by {:.1e} (weights {:.1e})",
                case.name,
                worst(&adapted, &float),
                report.worst()
            );
            assert!(difference <= TOLERANCE, "{} {bits:?}: {difference}", case.name);
        }
    }
    assert!(exact >= 10, "gated models merge exactly, {exact}");
}

/// The adapter of a case as it is in its folder.
fn of_folder(case: &Case) -> Adapter {
    let file = AdapterFile::open(case.dir.join("adapter")).unwrap();
    file.into_adapter(&case.base.info(), &device()).unwrap().0
}

/// The integers `[d_out, d_in]` of every quantised weight, by layer.
fn integers(model: &Model) -> BTreeMap<String, QuantizedWeight> {
    let weights = quantized_weights(model).into_iter();
    let of = |(path, weight): (String, Tensor<2>)| {
        (path.strip_suffix(".weight").unwrap().to_string(), QuantizedWeight::of(&weight).unwrap())
    };
    weights.map(of).collect()
}

#[test]
fn vectors_on_inputs_behind_a_gate_or_a_relu_merge_exactly() {
    let (mut merged_cases, mut flipped) = (vec![], 0);
    for case in cases() {
        let (blocks, adapter) = (case.base.feed_forwards(), of_folder(&case));
        let scaled = |(path, vector): (&String, &ia3::Ia3Vector)| {
            vector.placement == Placement::Input && !blocks.iter().any(|block| block.second == *path)
        };
        if !scales_an_input(&adapter) || adapter.vectors.iter().any(scaled) {
            continue;
        }
        for bits in [Bits::Eight, Bits::Four] {
            let (base, _) = ia3::quantize(&case.base, bits).unwrap();
            assert!(ia3::merge(&base, &[&adapter]).is_err(), "{}", case.name);
            let moved = ia3::move_inputs(&base, &[&adapter]);
            let merged = ia3::merge_safe(&base, &moved.iter().collect::<Vec<_>>()).unwrap();
            let adapted = case.logits(&ia3::attach(&base, &[&adapter]).unwrap());
            let difference = worst(&case.logits(&merged), &adapted);
            println!("{} {bits:?}: merged differs by {difference:.1e}", case.name);
            assert!(difference <= TOLERANCE, "{} {bits:?}: {difference}", case.name);
            assert!(worst(&adapted, &case.logits(&base)) > 1e-4, "{}", case.name);
            // The front door does the same.
            let front = ia3::Model::from(base.clone()).merge(&adapter.clone().into()).unwrap();
            assert_eq!(case.logits(front.module()), case.logits(&merged), "{}", case.name);

            // Integers change their sign in negative rows, and in negative columns behind a ReLU, and nowhere else.
            let sign = |path: &String, placement, i: usize| {
                let vector = adapter.vectors.get(path).filter(|vector| vector.placement == placement);
                let values: Option<Vec<f32>> = vector.map(|v| v.values().into_data().iter().collect());
                values.map_or(1, |values| if values[i] < 0.0 { -1 } else { 1 })
            };
            let (before, after) = (integers(&base), integers(&merged));
            // A head that the adapter saves takes the place of the base's, and is no longer quantised.
            let saved = |path: &str| adapter.saved.contains_key(&format!("{path}.weight"));
            for (path, before) in before.iter().filter(|(path, _)| !saved(path)) {
                let [_, inputs] = before.layout().shape;
                let relu = blocks.iter().any(|b| b.second == *path && b.between == Between::Relu);
                let gate = blocks.iter().find(|b| b.first == *path && b.between == Between::Gate);
                let (values, now) = (before.values(), after[path].values());
                for (at, (value, now)) in values.iter().zip(now).enumerate() {
                    let (o, i) = (at / inputs, at % inputs);
                    let mut expected = sign(path, Placement::Output, o);
                    if relu {
                        expected *= sign(path, Placement::Input, i);
                        flipped += usize::from(expected < 0 && *value != 0);
                    }
                    if let Some(block) = gate.filter(|block| o >= block.skipped) {
                        expected *= sign(&block.second, Placement::Input, o - block.skipped);
                    }
                    assert_eq!(*now, value * expected, "{} {path} [{o}, {i}]", case.name);
                }
            }
        }
        merged_cases.push(case.name);
    }
    for name in ["t5", "opt", "opt350m", "m2m100", "t5v11", "llama", "phi3", "modernbert"] {
        assert!(merged_cases.iter().any(|case| case == name), "{name} is not among {merged_cases:?}");
    }
    assert!(flipped > 100, "{flipped}");
}

#[test]
fn a_merged_weight_stays_quantised_and_signs_and_zeros_are_exact() {
    let case = cases().into_iter().find(|case| case.name == "t5v11").unwrap();
    let (base, _) = ia3::quantize(&case.base, Bits::Eight).unwrap();
    let mut adapter = beside_gates(&case.dir, &case.base);
    let path = "encoder.block.0.layer.0.SelfAttention.k";
    let l = Tensor::<1>::from_floats([-1.5, 0.0, 3.0, 1e-20, -7.0], &device());
    let l = l.repeat(&[adapter.vectors[path].len() / 5]);
    adapter.vectors.insert(path.into(), ia3::Ia3Vector::new(l.clone(), Placement::Output));
    let merged = ia3::merge(&base, &[&adapter]).unwrap();
    let weight = |model: &Model| match model {
        Model::T5(t5) => t5.encoder().block[0].layer.0.SelfAttention.k.weight.base(),
        _ => unreachable!(),
    };
    assert!(matches!(weight(&merged).dtype(), DType::QFloat(_)));
    let expected = weight(&base).dequantize() * l.unsqueeze();
    let tolerance = Tolerance::<f32>::relative(1e-6);
    weight(&merged).dequantize().into_data().assert_approx_eq(&expected.into_data(), tolerance);
    // Unmerging is to use the base again.
    assert_eq!(case.logits(&base), case.logits(&ia3::quantize(&case.base, Bits::Eight).unwrap().0));
}

#[test]
fn gradients_reach_every_vector_through_a_quantised_base() {
    for case in cases() {
        let (base, _) = ia3::quantize(&case.base, Bits::Eight).unwrap();
        let adapter = beside_gates(&case.dir, &case.base);
        let of = |base: &Model| {
            let model = ia3::attach(base, &[&adapter]).unwrap().train();
            let loss = model.forward(case.inputs()).unwrap().square().mean();
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            assert_eq!(grads.len(), adapter.vectors.len() + adapter.saved.len(), "{}", case.name);
            let of =
                |v: &ia3::Ia3Vector| grads.get::<1>(v.l.id).unwrap().into_data().iter().collect::<Vec<f32>>();
            adapter.vectors.values().flat_map(of).collect::<Vec<f32>>()
        };
        let difference = worst(&of(&base), &of(&dequantized(&base)));
        println!("{}: a gradient differs by {difference:.1e} of the largest", case.name);
        assert!(difference <= GRADIENT, "{}: {difference}", case.name);
    }
}

#[test]
fn rows_have_their_own_adapters_on_a_quantised_base() {
    let case = cases().into_iter().find(|case| case.name == "llama").unwrap();
    let (base, _) = ia3::quantize(&case.base, Bits::Four).unwrap();
    let adapter = beside_gates(&case.dir, &case.base);
    let rows = case.inputs().input_ids.as_ref().unwrap().dims()[0];
    let mixed: Vec<Option<&Adapter>> = (0..rows).map(|i| Some(&adapter).filter(|_| i > 0)).collect();
    let mixed = case.logits(&ia3::attach_rows(&base, &mixed).unwrap());
    let (none, all) = (case.logits(&base), case.logits(&ia3::attach(&base, &[&adapter]).unwrap()));
    let first = mixed.len() / rows;
    assert!(worst(&mixed[..first], &none[..first]) <= TOLERANCE);
    assert!(worst(&mixed[first..], &all[first..]) <= TOLERANCE);
}

#[test]
fn a_head_in_integers_is_the_same_from_memory_from_floats_and_from_disk() {
    let (mut heads, dir) = (0, tempfile::tempdir().unwrap());
    for case in cases().into_iter().filter(|case| case.base.task().is_language_model()) {
        for bits in [Bits::Eight, Bits::Four] {
            let own = case.base.clone().with_own_head();
            assert!(worst(&case.logits(&own), &case.logits(&case.base)) < 1e-6, "{}", case.name);
            let how = Quantization::new(bits).with_head(true);
            let (base, report) = ia3::quantize(&own, how).unwrap();
            assert!(report.errors.contains_key("lm_head"), "{}: {report:?}", case.name);
            let logits = case.logits(&base);
            assert!(worst(&logits, &case.logits(&ia3::quantize(&case.base, bits).unwrap().0)) > 1e-5);
            let difference = worst(&logits, &case.logits(&dequantized(&base)));
            println!("{} {bits:?}: differs by {difference:.1e} from floats of the same values", case.name);
            assert!(difference < TOLERANCE, "{}: {difference}", case.name);

            let options = PretrainedOptions::new().with_quantization(how);
            let loaded = options.load(case.dir.join("base"), &device()).unwrap();
            assert_eq!(loaded.report.unused, Vec::<String>::new(), "{}", case.name);
            assert_eq!(case.logits(&loaded.model), logits, "{}", case.name);

            let dir = dir.path().join(format!("{}-{bits:?}", case.name));
            ia3::io::copy_sidecars(case.dir.join("base"), &dir).unwrap();
            ia3::io::save_checkpoint(&loaded.model, &dir).unwrap();
            let again = ia3::from_pretrained(&dir, &device()).unwrap().model;
            assert_eq!(case.logits(&again), logits, "{}", case.name);
            heads += 1;
        }
    }
    assert!(heads >= 10, "{heads}");
}

/// The first row of a batch, of which each product has at most eight rows.
fn short(inputs: &ModelInputs) -> ModelInputs {
    let cut = |ids: &Option<Tensor<2, Int>>| {
        ids.clone().map(|ids| {
            let tokens = ids.dims()[1].min(8);
            ids.slice([0..1, 0..tokens])
        })
    };
    ModelInputs {
        input_ids: cut(&inputs.input_ids),
        attention_mask: cut(&inputs.attention_mask),
        decoder_input_ids: cut(&inputs.decoder_input_ids),
        decoder_attention_mask: cut(&inputs.decoder_attention_mask),
        token_type_ids: cut(&inputs.token_type_ids),
        position_ids: cut(&inputs.position_ids),
        input_features: inputs.input_features.clone().map(|features| features.narrow(0, 0, 1)),
        pixel_values: inputs.pixel_values.clone().map(|pixels| pixels.narrow(0, 0, 1)),
        ..ModelInputs::default()
    }
}

/// The hidden states of all stacks for the [`short`] inputs.
fn short_states(case: &Case, model: &Model) -> Vec<Vec<f32>> {
    let output = model.forward_traced(&short(case.inputs())).unwrap();
    let stacks = [output.hidden_states, output.encoder_hidden_states, output.decoder_hidden_states];
    stacks.concat().into_iter().map(|x| x.cast(DType::F32).into_data().iter().collect()).collect()
}

/// The length of the difference of two vectors, of the length of the second.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
    length(&mut a.iter().zip(b).map(|(a, b)| a - b)) / length(&mut b.iter().copied())
}

/// An output of a product changes by at most half a step of the row's integers for each input, times the magnitude of its
/// weight. The step of a block of inputs is at most the largest magnitude of the row divided by 127.
#[test]
fn an_integer_product_is_as_near_as_its_rounding_allows() {
    let mut products = 0;
    for case in cases() {
        for bits in [Bits::Eight, Bits::Four] {
            let (base, report) = ia3::quantize(&case.base, bits).unwrap();
            let fast = ia3::with_integer_products(base.clone());
            let [exact, fast] = [&base, &fast].map(quantized_weights);
            assert_eq!(exact.len(), report.errors.len(), "{}", case.name);
            for ((path, exact), (_, fast)) in exact.into_iter().zip(fast) {
                let [d_in, _] = exact.dims();
                let x = Tensor::<2>::random([3, d_in], Distribution::Normal(0.0, 1.0), &device());
                let product = |weight: Tensor<2>| linear(weight).ia3_forward(x.clone());
                let weights = exact.clone().dequantize().abs().sum_dim(0);
                let bound = (x.clone().abs().max_dim(1) * (0.5 / 127.0)).matmul(weights);
                let apart = (product(fast) - product(exact)).abs();
                assert!(apart.clone().max().into_scalar::<f32>() > 0.0, "{} {path}", case.name);
                // The sums themselves are rounded to float32.
                let beyond = (apart - bound * 1.001 - 1e-5).max().into_scalar::<f32>();
                assert!(beyond <= 0.0, "{} {path} {bits:?}: {beyond:e} beyond the bound", case.name);
                products += 1;
            }
        }
    }
    assert!(products > 500, "{products}");
}

fn quantized_weights(model: &Model) -> Vec<(String, Tensor<2>)> {
    let mut weights = vec![];
    visit_params(model, |path, param| {
        let weight = param.as_float::<2>().map(Param::base);
        weights.extend(
            weight
                .filter(|weight| matches!(weight.dtype(), DType::QFloat(_)))
                .map(|weight| (path.to_string(), weight)),
        );
    });
    weights
}

fn linear(weight: Tensor<2>) -> Linear {
    Linear { weight: Param::from_tensor(weight), bias: None }
}

#[test]
fn integer_products_change_few_rows_a_little_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut errors = [(0f32, 0f32); 2];
    for case in cases() {
        let adapter = beside_gates(&case.dir, &case.base);
        let mut rounding = 0.0;
        for (bits, errors) in [Bits::Eight, Bits::Four].into_iter().zip(&mut errors) {
            let (base, _) = ia3::quantize(&case.base, bits).unwrap();
            let fast = ia3::with_integer_products(base.clone());
            let few = |model: &Model| -> Vec<f32> {
                let logits = model.forward(&short(case.inputs())).unwrap();
                logits.cast(DType::F32).into_data().iter().collect()
            };
            let [exact, got, float] = [&base, &fast, &case.base].map(|model| short_states(&case, model));
            let largest = |a: &[Vec<f32>], b: &[Vec<f32>]| {
                a.iter().zip(b).map(|(a, b)| distance(a, b)).fold(0.0, f32::max)
            };
            let (change, quantising) = (largest(&got, &exact), largest(&exact, &float));
            println!("{} {bits:?}: integers change {change:.1e}, quantising {quantising:.1e}", case.name);
            rounding = if bits == Bits::Eight { quantising } else { rounding };
            // The patches of an image are more rows than integers are multiplied for.
            let changes = change > 0.0 || case.base.image().is_some();
            assert!(changes && change < INTEGERS * rounding, "{} {bits:?}: {change}", case.name);
            *errors = (errors.0.max(change), errors.1.max(quantising));

            // Training is exact: the same gradients to the bit.
            let gradients = |base: &Model| {
                let model = ia3::attach(base, &[&adapter]).unwrap().train();
                let loss = model.forward(&short(case.inputs())).unwrap().square().mean();
                let grads = GradientsParams::from_grads(loss.backward(), &model);
                let of = |v: &ia3::Ia3Vector| grads.get::<1>(v.l.id).map(|g| g.into_data());
                adapter.vectors.values().map(of).collect::<Vec<_>>()
            };
            assert_eq!(gradients(&fast), gradients(&base), "{} {bits:?}", case.name);

            // What is merged or saved is the same as of the exact base.
            let [merged, fast_merged] = [&base, &fast].map(|base| match scales_an_input(&adapter) {
                true => ia3::merge_requantizing(base, &[&adapter]).unwrap().model,
                false => ia3::merge_safe(base, &[&adapter]).unwrap(),
            });
            let expected = few(&ia3::with_integer_products(merged.clone()));
            assert_eq!(few(&fast_merged), expected, "{} {bits:?}", case.name);
            let [a, b] = ["a", "b"].map(|name| dir.path().join(format!("{}-{bits:?}-{name}", case.name)));
            for (model, dir) in [(&merged, &a), (&fast_merged, &b)] {
                ia3::io::copy_sidecars(case.dir.join("base"), dir).unwrap();
                ia3::io::save_checkpoint(model, dir).unwrap();
            }
            let [a, b] = [a, b].map(|dir| std::fs::read(dir.join("model.safetensors")).unwrap());
            assert!(a == b, "{} {bits:?}", case.name);
        }
    }
    println!("largest change by integers and by quantising: {errors:?}");
}
