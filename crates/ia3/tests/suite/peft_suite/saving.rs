use std::fs;
use std::path::Path;

use burn::tensor::Device;
use ia3::io::AdapterFile;
use ia3::{Ia3Model, SaveOptions};

use crate::common::{Mlp, cases, config, two};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

const OWN: [&str; 3] = ["README.md", "adapter_config.json", "adapter_model.safetensors"];

#[test]
fn save_pretrained() {
    let out = tempfile::tempdir().unwrap();
    for case in cases() {
        let dir = out.path().join(&case.name);
        let model = case.model();
        model.save_pretrained(&dir, &SaveOptions::new()).unwrap();
        assert_eq!(names(&dir), OWN, "no model.safetensors, no config.json");
        let loaded = Ia3Model::builder(case.base.clone()).model_info(case.base.info()).load(&dir).unwrap();
        let tensors = |model: &Ia3Model<ia3::models::Model>| {
            ia3::io::state_dict(model.adapter("default").unwrap(), Some(model.info())).unwrap()
        };
        assert_eq!(tensors(&loaded), tensors(&model), "{}", case.name);
        assert_eq!(case.logits(loaded.model()), case.logits(model.model()), "{}", case.name);
    }
}

#[test]
fn save_pretrained_selected_adapters() {
    let out = tempfile::tempdir().unwrap();
    let model = two();
    model.save_pretrained(out.path().join("all"), &SaveOptions::new()).unwrap();
    assert_eq!(names(&out.path().join("all")), [OWN[0], OWN[1], OWN[2], "other"]);
    assert_eq!(names(&out.path().join("all/other")), OWN);
    for (selected, expected) in [("default", OWN.to_vec()), ("other", vec!["other"])] {
        let dir = out.path().join(selected);
        model.save_pretrained(&dir, &SaveOptions::new().with_selected_adapters([selected])).unwrap();
        assert_eq!(names(&dir), expected);
    }
    let unknown =
        model.save_pretrained(out.path().join("no"), &SaveOptions::new().with_selected_adapters(["x"]));
    assert_eq!(unknown.unwrap_err().to_string(), "there is no adapter `x`; known are default, other");
    assert!(!out.path().join("no").exists());
}

#[test]
fn save_pretrained_adapter_name_substring() {
    let out = tempfile::tempdir().unwrap();
    let targets = config(&["lin0", "lin1"], &["lin1"]);
    let mut model = Ia3Model::new(Mlp::new(), &targets, "default").unwrap();
    for name in ["default2", "other_default", "foodefault_bar", "efaul", "lin0", "ia3_l", "base_model"] {
        model.add_adapter(name, &targets).unwrap();
    }
    model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    for name in model.adapter_names() {
        let dir = if name == "default" { out.path().to_owned() } else { out.path().join(name) };
        let file = AdapterFile::open(dir).unwrap();
        assert_eq!(file.vectors.keys().collect::<Vec<_>>(), ["lin0", "lin1"], "{name}");
        let expected = &model.adapter(name).unwrap().vectors["lin0"];
        let values: Vec<f32> = expected.values().into_data().iter().collect();
        assert_eq!(file.vectors["lin0"].values, values, "{name}");
    }
}

#[test]
fn save_load_roundtrip_of_more_than_twenty_full_names() {
    for case in cases() {
        let model = case.model();
        let paths: Vec<&String> = model.adapter("default").unwrap().vectors.keys().collect();
        let targets: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
        let config =
            ia3::Ia3Config::new().with_target_modules(targets.as_slice()).with_feedforward_modules([]);
        let builder = || Ia3Model::builder(case.base.clone()).model_info(case.base.info());
        let model = builder().init(&config.with_init_ia3_weights(false)).unwrap();
        let out = tempfile::tempdir().unwrap();
        model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
        let loaded = builder().load(out.path()).unwrap();
        assert_eq!(case.logits(loaded.model()), case.logits(model.model()), "{}", case.name);
    }
}

#[test]
fn modelcard_and_config_say_which_base() {
    let out = tempfile::tempdir().unwrap();
    two().save_pretrained(out.path(), &SaveOptions::new().with_base_name("google/tiny")).unwrap();
    let file = AdapterFile::open(out.path()).unwrap();
    assert_eq!(file.config.base_model_name_or_path.as_deref(), Some("google/tiny"));
    assert!(file.config.inference_mode);
    let card = fs::read_to_string(out.path().join("README.md")).unwrap();
    assert!(card.starts_with("---\nbase_model: google/tiny\nlibrary_name: peft\n"), "{card}");
}

#[test]
fn a_merged_model_saves_its_vectors() {
    let (out, mut model) = (tempfile::tempdir().unwrap(), two());
    model.merge_adapter(&Default::default()).unwrap();
    model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    let loaded = ia3::io::load_adapter(out.path(), model.info(), &Device::flex()).unwrap();
    let values = |a: &ia3::core::Adapter| a.vectors["lin1"].values().into_data();
    assert_eq!(values(&loaded), values(model.adapter("default").unwrap()));
}
