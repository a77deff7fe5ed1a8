//! What is written and read.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use ia3::{Ia3Config, Ia3Model, SaveOptions};

use crate::common::{Mlp, assert_apart, cases, config, fixture, two};

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// PEFT trains and saves adapters that it then refuses to load: targets without feed-forward modules on an architecture
/// whose default has some, or `all-linear`. "`feedforward_modules` should be a subset of `target_modules`".
#[test]
fn fault_01_adapters_peft_cannot_load_back() {
    let device = Device::flex();
    for (case, config) in [
        ("t5", Ia3Config::new().with_target_modules(["q", "v"])),
        ("t5", Ia3Config::new().with_target_modules("all-linear")),
        ("t5v11", Ia3Config::new().with_target_modules("all-linear").with_feedforward_modules(["wo"])),
        ("t5", Ia3Config::new().with_feedforward_modules(["wo", "wi"])),
    ] {
        let out = tempfile::tempdir().unwrap();
        let base = ia3::from_pretrained(fixture(case).join("base"), &device).unwrap().model;
        let builder = || Ia3Model::builder(base.clone()).model_info(base.info());
        let model = builder().init(&config.with_init_ia3_weights(false)).unwrap();
        model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
        // What PEFT's constructor checks on loading.
        let text = fs::read_to_string(out.path().join("adapter_config.json")).unwrap();
        Ia3Config::from_json(&text).unwrap().validate().unwrap();
        let loaded = builder().load(out.path()).unwrap();
        let placed = |m: &Ia3Model<ia3::models::Model>| {
            let vectors = &m.adapter("default").unwrap().vectors;
            vectors.iter().map(|(path, v)| (path.clone(), v.placement)).collect::<Vec<_>>()
        };
        assert_eq!(placed(&loaded), placed(&model), "{case}");
    }
    // A file as PEFT writes it is read.
    let out = tempfile::tempdir().unwrap();
    let base = ia3::from_pretrained(fixture("t5/base"), &device).unwrap().model;
    let builder = || Ia3Model::builder(base.clone()).model_info(base.info());
    let model = builder().init(&Ia3Config::new().with_target_modules(["q", "v"])).unwrap();
    model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    let path = out.path().join("adapter_config.json");
    edit(&path, "\"feedforward_modules\": []", "\"feedforward_modules\": [\n    \"wo\"\n  ]");
    let config = Ia3Config::from_json(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(config.validate().is_err(), "PEFT would refuse it");
    builder().load(out.path()).unwrap();
}

/// PEFT writes the sets of its configuration in hash order, so the same adapter has another file on each run.
#[test]
fn fault_18_the_configuration_is_not_reproducible() {
    let bytes = |dir: &Path, name: &str| fs::read(dir.join(name)).unwrap();
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for case in cases() {
        let model = case.model();
        let reloaded =
            |dir: &Path| Ia3Model::builder(case.base.clone()).model_info(case.base.info()).load(dir).unwrap();
        let (a, b) = (a.path().join(&case.name), b.path().join(&case.name));
        model.save_pretrained(&a, &SaveOptions::new()).unwrap();
        reloaded(&a).save_pretrained(&b, &SaveOptions::new()).unwrap();
        for name in ["adapter_config.json", "adapter_model.safetensors", "README.md"] {
            assert_eq!(bytes(&a, name), bytes(&b, name), "{} {name}", case.name);
        }
    }
    let names = |targets: [&str; 2]| {
        let out = tempfile::tempdir().unwrap();
        let model =
            Ia3Model::new(Mlp::new(), &config(&targets, &[]).with_init_ia3_weights(true), "default").unwrap();
        model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
        bytes(out.path(), "adapter_config.json")
    };
    assert_eq!(names(["lin0", "lin1"]), names(["lin1", "lin0"]));
}

/// Keys that the model has no place for are silent in PEFT's `from_pretrained`: with another base or renamed modules
/// it gives the untouched model.
#[test]
fn fault_19_unexpected_keys_are_silent() {
    let out = tempfile::tempdir().unwrap();
    let model = two();
    assert_apart(&model.model().output(), &model.base().output(), "adapted");
    model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    let weights = out.path().join("adapter_model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    let renamed = |from: &str, to: &str| {
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        fs::write(&weights, bytes).unwrap();
        let error = Ia3Model::from_pretrained(Mlp::new(), out.path(), "default").unwrap_err().to_string();
        error.replace(&weights.display().to_string(), "FILE")
    };
    assert_eq!(
        renamed("model.lin1.", "model.line."),
        "the adapter `FILE` does not fit the base: 1 layer without a vector (`lin1` (closest: `line`)), 1 tensor not \
         asked for (`line` (closest: `lin1`)); was it trained on another base?"
    );
    assert_eq!(
        renamed("base_model.model.lin1.", "bare_model.model.lin1."),
        "the key `bare_model.model.lin1.ia3_l` of `FILE` has another form than PEFT's, expected \
         `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole"
    );
}
