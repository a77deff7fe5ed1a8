//! What an adapter tells without its base: its layers, its state dict, what it differs in from another.

use std::collections::BTreeMap;
use std::fs;

use crate::common::fixtures;
use burn::tensor::{Device, TensorData};
use ia3_core::Ia3Config;
use ia3_io::{
    AdapterFile, AdapterFileError, AdapterOptions, FileError, named_adapters, save_adapter_with, state_dict,
};
use proptest::prelude::*;

fn file(tensors: &[(&str, &[usize])]) -> AdapterFile {
    let tensor = |(path, shape): &(&str, &[usize])| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
        (format!("base_model.model.{path}.ia3_l"), TensorData::new(values, shape.to_vec()))
    };
    AdapterFile::from_state_dict(Ia3Config::new(), tensors.iter().map(tensor).collect()).unwrap()
}

#[test]
fn every_adapter_of_the_corpus_fits_the_layers_it_names() {
    for dir in fixtures() {
        for name in ["adapter", "adapter_b", "adapter_alt"] {
            let mut file = AdapterFile::open(dir.join(name)).unwrap();
            file.saved.clear();
            file.config.modules_to_save = None;
            file.config.task_type = None;
            let (layers, vectors, config) = (file.infer_model(), file.vectors.clone(), file.config.clone());
            let adapter = file.into_whole_adapter(&layers, &Device::flex()).unwrap();
            assert_eq!(adapter.config, config, "{}", dir.display());
            let out = tempfile::tempdir().unwrap();
            save_adapter_with(&adapter, out.path(), &AdapterOptions::default().with_base(layers)).unwrap();
            assert_eq!(AdapterFile::open(out.path()).unwrap().vectors, vectors, "{}", dir.display());
        }
    }
}

#[test]
fn shapes_stand_for_a_configuration_that_names_nothing() {
    let file = file(&[("a.k", &[3, 1]), ("a.wo", &[1, 4]), ("one", &[1, 1])]);
    let layers = file.infer_model();
    let config = file.clone().spell_out().config;
    assert_eq!(config.target_modules, Some(["a.k", "a.wo", "one"].into()));
    assert_eq!(config.feedforward_modules, Some(["a.wo", "one"].into()));
    let adapter = file.spell_out().into_whole_adapter(&layers, &Device::flex()).unwrap();
    assert_eq!(adapter.vectors["a.k"].placement, ia3_config::Placement::Output);
    assert_eq!(adapter.vectors["a.wo"].placement, ia3_config::Placement::Input);
}

#[test]
fn vectors_of_convolutions_keep_their_shape() {
    let shapes: [(&str, &[usize]); 3] =
        [("conv2d", &[1, 5, 1, 1]), ("conv3d", &[1, 6, 1, 1, 1]), ("linear", &[7, 1])];
    let given = file(&shapes);
    let layers = given.infer_model();
    let mut config = Ia3Config::new().with_target_modules(["conv2d", "conv3d", "linear"]);
    config = config.with_feedforward_modules(["conv2d"]);
    let file = AdapterFile { config, ..given };
    let adapter = file.into_whole_adapter(&layers, &Device::flex()).unwrap();
    let tensors = state_dict(&adapter, Some(&layers)).unwrap();
    for (path, shape) in shapes {
        let found = tensors[&format!("base_model.model.{path}.ia3_l")].shape().to_vec();
        assert_eq!(found, shape, "{path}");
    }
}

#[test]
fn named_adapters_are_found_as_peft_lays_them_out() {
    let out = tempfile::tempdir().unwrap();
    let dir = out.path();
    assert!(matches!(
        named_adapters(dir.join("no")),
        Err(AdapterFileError::File(FileError::NotFound { .. }))
    ));
    let empty = named_adapters(dir).unwrap_err().to_string();
    assert!(empty.contains("holds no adapter: `adapter_config.json` is missing, found nothing"), "{empty}");
    for name in ["b", "a", "no_adapter"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    for name in ["b", "a"] {
        fs::write(dir.join(name).join("adapter_config.json"), "{}").unwrap();
    }
    let found = |expected: &[&str]| {
        let names: Vec<String> = named_adapters(dir).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected);
    };
    found(&["a", "b"]);
    fs::write(dir.join("adapter_config.json"), "{}").unwrap();
    found(&["default", "a", "b"]);
    assert_eq!(named_adapters(dir).unwrap()[0].1, dir);
}

/// Vectors by path; any float32 there is, NaN and infinities too.
fn vectors() -> impl Strategy<Value = BTreeMap<String, (Vec<f32>, bool)>> {
    let values = prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 2..6);
    prop::collection::btree_map("[a-c]{1,2}(\\.[0-9]){0,2}", (values, any::<bool>()), 1..6)
}

fn of(vectors: &BTreeMap<String, (Vec<f32>, bool)>) -> AdapterFile {
    let tensor = |(path, (values, input)): (&String, &(Vec<f32>, bool))| {
        let shape = if *input { [1, values.len()] } else { [values.len(), 1] };
        (format!("base_model.model.{path}.ia3_l"), TensorData::new(values.clone(), shape))
    };
    AdapterFile::from_state_dict(Ia3Config::new(), vectors.iter().map(tensor).collect()).unwrap()
}

proptest! {
    #[test]
    fn a_state_dict_survives_the_round_trip(vectors in vectors()) {
        let file = of(&vectors);
        for (path, (values, input)) in &vectors {
            let vector = &file.vectors[path];
            prop_assert_eq!(vector.shape[0] == 1, *input);
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&vector.values), bits(values));
        }
    }

    #[test]
    fn an_adapter_differs_from_others_and_not_from_itself(a in vectors(), b in vectors()) {
        prop_assert!(of(&a).diff(&of(&a)).identical);
        let (there, back) = (of(&a).diff(&of(&b)), of(&b).diff(&of(&a)));
        let bits = |v: &BTreeMap<String, (Vec<f32>, bool)>| -> Vec<(String, Vec<u32>, bool)> {
            // 0 and −0 are no difference.
            let value = |x: &f32| if *x == 0.0 { 0 } else { x.to_bits() };
            v.iter().map(|(p, (l, input))| (p.clone(), l.iter().map(value).collect(), *input)).collect()
        };
        prop_assert_eq!(there.identical, bits(&a) == bits(&b));
        prop_assert_eq!(there.identical, back.identical);
        prop_assert_eq!(&there.only_a, &back.only_b);
        let compared = there.sites.len() + there.reshaped.len();
        prop_assert_eq!(compared + there.only_a.len(), a.len());
        prop_assert_eq!(compared + there.only_b.len(), b.len());
    }
}
