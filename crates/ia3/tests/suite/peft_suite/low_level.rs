use burn::tensor::Device;
use ia3::Ia3Model;
use ia3::io::{AdapterFile, state_dict};

use crate::common::{Mlp, cases, config, two};

#[test]
fn the_state_dict_goes_both_ways() {
    let model = two();
    let adapter = model.adapter("default").unwrap();
    let tensors = state_dict(adapter, Some(model.info())).unwrap();
    let keys: Vec<&str> = tensors.keys().map(String::as_str).collect();
    assert_eq!(keys, ["base_model.model.lin0.ia3_l", "base_model.model.lin1.ia3_l"]);
    assert_eq!(tensors[keys[0]].shape().as_slice(), [20, 1]);
    assert_eq!(tensors[keys[1]].shape().as_slice(), [1, 20]);
    let file = AdapterFile::from_state_dict(adapter.config.clone(), tensors).unwrap();
    let again = file.into_whole_adapter(model.info(), &Device::flex()).unwrap();
    let given = Ia3Model::builder(model.base().clone()).adapter_name("x").init_from(again).unwrap();
    assert_eq!(given.model().output(), model.model().output());
    assert_eq!(given.active_adapters(), ["x"]);
    assert!(given.is_trained("x"));
}

/// PEFT's `test_state_dict`: the keys of a file never change.
#[test]
fn the_state_dict_is_the_one_that_peft_wrote() {
    for case in cases() {
        let model = case.model();
        let file = AdapterFile::open(case.dir.join("adapter")).unwrap();
        let ours = state_dict(model.adapter("default").unwrap(), Some(model.info())).unwrap();
        assert_eq!(ours.len(), file.vectors.len() + file.saved.len(), "{}", case.name);
        for (path, vector) in &file.vectors {
            let tensor = &ours[&format!("base_model.model.{path}.ia3_l")];
            assert_eq!(tensor.shape().to_vec(), vector.shape, "{} {path}", case.name);
            assert_eq!(tensor.iter::<f32>().collect::<Vec<_>>(), vector.values, "{} {path}", case.name);
        }
        for (path, data) in &file.saved {
            assert_eq!(&ours[&format!("base_model.model.{path}")], data, "{} {path}", case.name);
        }
    }
}

#[test]
fn a_state_dict_that_is_none_is_refused() {
    use burn::tensor::TensorData;
    let message = |key: &str, data: TensorData| {
        let tensors = [(key.to_string(), data)].into();
        AdapterFile::from_state_dict(config(&["lin0"], &[]), tensors).unwrap_err().to_string()
    };
    let vector = || TensorData::from([[1f32], [2.0]]);
    assert_eq!(
        message("lin0.ia3_l", vector()),
        "the key `lin0.ia3_l` of `<state dict>` has another form than PEFT's, expected \
         `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole"
    );
    assert_eq!(
        message("base_model.model.lin0.ia3_l", TensorData::from([1f32, 2.0])),
        "the vector `base_model.model.lin0.ia3_l` of `<state dict>` has shape [2], expected [n, 1] on an output or [1, n] on an input; it is flattened, reshape it"
    );
    assert_eq!(
        message("base_model.model.lin0.ia3_l", TensorData::from([[1i32], [2]])),
        "`base_model.model.lin0.ia3_l` is I32, which a safetensors file cannot hold; dequantise or cast it first"
    );
    let tensors = [("base_model.model.lin0.ia3_l".to_string(), vector())].into();
    let file = AdapterFile::from_state_dict(config(&["lin0"], &[]), tensors).unwrap();
    let error = file.into_whole_adapter(&ia3::model_info(&Mlp::new(), None, None), &Device::flex());
    assert!(error.unwrap_err().to_string().contains("has shape [2, 1], expected [20, 1]"));
}
