//! Which layers are scaled, and on which side.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use ia3::{ActivationSpace, Ia3Config, Ia3Forward, Ia3Model, Placement};
use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};
use ia3_core::Affine;

use crate::common::{Mlp, assert_apart, assert_close, config, fixture, two};

/// PEFT compares a feed-forward name with the end of a path without looking for the dot: with the targets `o` and `wo`
/// and the feed-forward module `o` it scales the input of `wo` as well, silently.
#[test]
fn fault_02_a_feedforward_name_hits_the_middle_of_a_name() {
    let device = Device::flex();
    let base = ia3::from_pretrained(fixture("mt5/base"), &device).unwrap().model;
    let builder = || Ia3Model::builder(base.clone()).model_info(base.info());
    let error = builder().init(&config(&["o", "wo"], &["o"])).unwrap_err().to_string();
    assert_eq!(
        error,
        "the feed-forward name `o` also ends `encoder.block.0.layer.1.DenseReluDense.wo` in the middle of a name, and \
         PEFT would scale its input too; give a pattern such as `.*\\.o`"
    );
    // As the message says.
    let config = Ia3Config::new().with_target_modules(["o", "wo"]).with_feedforward_modules(r".*\.o");
    let adapter = builder().init(&config).unwrap();
    for (path, vector) in &adapter.adapter("default").unwrap().vectors {
        assert_eq!(vector.placement == Placement::Input, path.ends_with(".o"), "{path}");
    }
    // What PEFT has trained that way is read as it was trained.
    let trained = builder().load(fixture("mt5/adapter_alt")).unwrap();
    let of_wo = trained.adapter("default").unwrap().vectors.iter().filter(|(path, _)| path.ends_with(".wo"));
    assert!(of_wo.into_iter().all(|(_, vector)| vector.placement == Placement::Input));
}

/// PEFT gives a second adapter the side of the first one on the same module, silently; loading such an adapter beside
/// another fails with a size mismatch.
#[test]
fn fault_03_a_second_adapter_takes_the_side_of_the_first() {
    let out = tempfile::tempdir().unwrap();
    let mut model = Ia3Model::new(Mlp::new(), &config(&["lin0"], &["lin0"]), "default").unwrap();
    model.add_adapter("output", &config(&["lin0"], &[])).unwrap();
    let len = |model: &Ia3Model<Mlp>, name: &str| model.adapter(name).unwrap().vectors["lin0"].len();
    assert_eq!((len(&model, "default"), len(&model, "output")), (10, 20));
    model.save_pretrained(out.path(), &Default::default()).unwrap();
    model.load_adapter(out.path().join("output"), "again").unwrap();
    for (first, second) in [("default", "output"), ("default", "again")] {
        model.set_adapter([first, second]).unwrap();
        let l = |name: &str| model.adapter(name).unwrap().vectors["lin0"].values().unsqueeze::<2>();
        let hidden = model.base().lin0.forward(crate::common::input() * l(first)) * l(second);
        let expected = model.base().lin1.forward(burn::tensor::activation::relu(hidden));
        let expected: Vec<f32> = expected.into_data().iter().collect();
        assert_close(&model.model().output(), &expected, 1e-6, second);
    }
}

/// GPT-2's `c_attn`: queries, keys and values at once.
#[derive(Module, Debug)]
struct Attention {
    c_attn: Conv1D,
}

#[derive(Module, Debug)]
struct Conv1D {
    weight: Param<Tensor<2>>,
}

impl Affine for Conv1D {
    fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        None
    }
}

impl ActivationSpace for Attention {
    fn info(&self) -> ModelInfo {
        let mut info = ia3::model_info(self, None, None);
        info.modules.iter_mut().for_each(|module| module.queries.push(0..4));
        info
    }
}

/// PEFT's defaults scale all of a fused projection, the queries too, where the paper scales keys and values; there is
/// no way to leave them out.
#[test]
fn fault_12_the_queries_of_a_fused_projection_are_scaled() {
    let device = Device::flex();
    let base = Attention { c_attn: Conv1D { weight: Param::from_tensor(Tensor::ones([3, 12], &device)) } };
    let plan = config(&["c_attn"], &[]).plan(&base.info()).unwrap();
    let adapter = ia3::core::Adapter::init(&base, &plan).kv_only(&base.info()).unwrap();
    let model = Ia3Model::builder(base).init_from(adapter).unwrap();
    let y = |m: &Attention| -> Vec<f32> {
        m.c_attn.ia3_forward(Tensor::<2>::ones([1, 3], &device)).into_data().iter().collect()
    };
    let (adapted, plain) = (y(model.model()), y(model.base()));
    assert_eq!(adapted[..4], plain[..4], "queries");
    assert!((4..12).all(|i| adapted[i] != plain[i]), "keys and values: {adapted:?}");
    assert_eq!(model.trainable_parameters().trainable, 8);
    let merged = model.merge_and_unload(&Default::default()).unwrap();
    assert_eq!(y(&merged)[..4], plain[..4]);
    let saved = ia3::io::state_dict(model.adapter("default").unwrap(), None).unwrap();
    let l: Vec<f32> = saved["base_model.model.c_attn.ia3_l"].iter().collect();
    assert_eq!(l[..4], [1.0; 4], "PEFT reads the file to the same model");
}

fn bert() -> ModelInfo {
    let layer = |path: &str| {
        ModuleInfo::new(
            format!("bert.encoder.layer.0.{path}"),
            ModuleKind::Linear { d_in: 4, d_out: 4, bias: true },
        )
    };
    let names = ["query", "key", "value"].map(|name| format!("attention.self.{name}"));
    let dense = ["attention.output.dense", "intermediate.dense", "output.dense"].map(String::from);
    ModelInfo::new("bert", names.iter().chain(&dense).map(|path| layer(path)).collect())
}

/// PEFT's default for BERT names `output.dense`, which also hits `attention.output.dense`, an output projection that the
/// paper does not scale; an `exclude_modules` that names it leaves it out.
#[test]
fn fault_13_berts_default_scales_the_attention_output_too() {
    let inputs = |config: Ia3Config| -> Vec<String> {
        let plan = config.plan(&bert()).unwrap();
        let sites = plan.sites.into_iter().filter(|site| site.placement == Placement::Input);
        sites.map(|site| site.path).collect()
    };
    let papers = Ia3Config::new().with_exclude_modules(["attention.output.dense"]);
    assert_eq!(inputs(papers), ["bert.encoder.layer.0.output.dense"]);
    // The default stays PEFT's, and the plan shows what it hits.
    let default = Ia3Config::new().plan(&bert()).unwrap();
    assert!(default.site("bert.encoder.layer.0.attention.output.dense").is_some());
}

/// Deleting the last adapter in PEFT makes the next forward raise `KeyError`.
#[test]
fn fault_16_deleting_the_last_adapter_breaks_the_model() {
    let mut model = two();
    model.set_adapter(["default", "other"]).unwrap();
    model.delete_adapter("default").unwrap();
    model.delete_adapter("other").unwrap();
    assert_eq!(model.model().output(), model.base().output());
    let status = model.get_model_status();
    assert_eq!((status.enabled, status.num_adapter_layers, status.available_adapters.len()), (false, 0, 0));
    model.add_adapter("new", &config(&["lin0"], &[])).unwrap();
    model.set_adapter(["new"]).unwrap();
    assert_ne!(model.model().output(), model.base().output());
}

/// PEFT's `forward(..., adapter_names=[...])` accepts a name for each row and computes every row with the active
/// adapter, silently.
#[test]
fn fault_11_names_of_rows_are_ignored() {
    let (model, x) = (two(), crate::common::input());
    let names = ["other", "__base__", "default", "other", "default"];
    let mixed = model.rows(&names).unwrap().forward(x.clone());
    let row = |y: &Tensor<2>, i| -> Vec<f32> { y.clone().narrow(0, i, 1).into_data().iter().collect() };
    let mut active = model.clone();
    for (i, name) in names.into_iter().enumerate() {
        active.set_adapter([name].into_iter().filter(|name| *name != "__base__")).unwrap();
        let alone = active.model().forward(x.clone());
        assert_close(&row(&mixed, i), &row(&alone, i), 1e-6, name);
    }
    assert_apart(&row(&mixed, 0), &row(&model.model().forward(x.clone()), 0), "`default` is active");
    assert!(model.rows(&["another"]).is_err(), "a name that there is not");
}
