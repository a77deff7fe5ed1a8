//! Mixtral and Qwen3-MoE beside the parity corpus: the layouts of their files, and the vectors of their experts.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;
use ia3::models::PaddingSide;
use ia3::{Adapter, Ia3Config, Model, ModelConfig};

use crate::common::{device, fixture};

/// All tensors of a file.
fn tensors(path: &Path) -> BTreeMap<String, TensorData> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let names: Vec<String> = file.names().into_iter().map(str::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ia3::io::read_tensors(path, &names).unwrap().into_iter().collect()
}

/// The tensors in the layout that transformers 5 has in memory: one tensor for all experts of a layer.
fn fused(all: &BTreeMap<String, TensorData>, names: [&str; 3]) -> BTreeMap<String, TensorData> {
    let mut out: BTreeMap<String, TensorData> = BTreeMap::new();
    for (key, value) in all {
        let key = key.replace("block_sparse_moe", "mlp");
        if !key.contains(".experts.") {
            out.insert(key, value.clone());
        }
    }
    for layer in 0..2 {
        let of = |expert: usize, name: &str| {
            let module = if names[0] == "w1" { "block_sparse_moe" } else { "mlp" };
            all.get(&format!("model.layers.{layer}.{module}.experts.{expert}.{name}.weight"))
        };
        if of(0, names[0]).is_none() {
            continue;
        }
        let join = |matrices: &[&str]| {
            let parts: Vec<&TensorData> = (0..4)
                .flat_map(|expert| matrices.iter().map(move |name| of(expert, name).unwrap()))
                .collect();
            let (rows, columns) = (parts[0].shape()[0] * matrices.len(), parts[0].shape()[1]);
            let values: Vec<f32> =
                parts.iter().flat_map(|part| part.iter::<f32>().collect::<Vec<_>>()).collect();
            TensorData::new(values, [4, rows, columns])
        };
        let prefix = format!("model.layers.{layer}.mlp.experts");
        out.insert(format!("{prefix}.gate_up_proj"), join(&[names[0], names[2]]));
        out.insert(format!("{prefix}.down_proj"), join(&[names[1]]));
    }
    out
}

fn logits(model: &Model, rows: &[Vec<i64>]) -> Vec<f32> {
    let inputs = model.module().batch(rows, PaddingSide::Right, &device()).unwrap();
    model.forward(inputs).unwrap().into_data().iter().collect()
}

const CASES: [(&str, [&str; 3]); 2] =
    [("mixtral", ["w1", "w2", "w3"]), ("qwen3_moe", ["gate_proj", "down_proj", "up_proj"])];

#[test]
fn fused_experts_are_read_as_the_experts_that_they_are() {
    for (case, names) in CASES {
        let (from, folder) = (fixture(case).join("base"), tempfile::tempdir().unwrap());
        let apart = tensors(&from.join("model.safetensors"));
        let fused = fused(&apart, names);
        assert!(fused.len() < apart.len() && fused.keys().any(|key| key.ends_with("gate_up_proj")), "{case}");
        let named: Vec<(&str, &TensorData)> =
            fused.iter().map(|(key, value)| (key.as_str(), value)).collect();
        ia3::io::write_tensors(folder.path().join("model.safetensors"), &named).unwrap();
        std::fs::copy(from.join("config.json"), folder.path().join("config.json")).unwrap();
        let [expected, read] =
            [from.as_path(), folder.path()].map(|dir| Model::from_pretrained(dir, &device()).unwrap());
        assert!(read.load_report().unused.is_empty(), "{case}: {:?}", read.load_report().unused);
        let rows = [vec![5, 17, 42, 9], vec![8, 30]];
        assert_eq!(logits(&read, &rows), logits(&expected, &rows), "{case}");
        let out = tempfile::tempdir().unwrap();
        let adapter = Adapter::load(fixture(case).join("adapter"), &read).unwrap();
        read.merge(&adapter).unwrap().save_pretrained(out.path().join("merged")).unwrap();
        let written = tensors(&out.path().join("merged/model.safetensors"));
        assert_eq!(
            written.keys().collect::<Vec<_>>(),
            apart.keys().collect::<Vec<_>>(),
            "{case}: a weight per expert"
        );
    }
}

#[test]
fn the_default_targets_scale_the_input_of_every_expert() {
    let model = |case: &str| Model::from_pretrained(fixture(case).join("base"), &device()).unwrap();
    let plan = Ia3Config::new().plan(&model("mixtral").module().info()).unwrap();
    let inputs: Vec<&str> = plan
        .sites
        .iter()
        .filter(|site| site.placement == ia3::Placement::Input)
        .map(|site| site.path.as_str())
        .collect();
    assert_eq!((plan.sites.len(), inputs.len()), (12, 8), "{inputs:?}");
    assert!(inputs.contains(&"model.layers.1.block_sparse_moe.experts.3.w2"), "{inputs:?}");
    let plan = Ia3Config::new().plan(&model("qwen3_moe").module().info()).unwrap();
    let paths: Vec<&str> = plan.sites.iter().map(|site| site.path.as_str()).collect();
    assert_eq!(paths.len(), 9, "{paths:?}");
    assert!(paths.contains(&"model.layers.0.mlp.down_proj"), "{paths:?}");
    assert!(paths.contains(&"model.layers.1.mlp.experts.2.down_proj"), "{paths:?}");
}

/// One token takes three of the four experts, so one has no token.
#[test]
fn an_expert_without_tokens_changes_nothing() {
    for (case, _) in CASES {
        let base = Model::from_pretrained(fixture(case).join("base"), &device()).unwrap();
        let adapter = Adapter::load(fixture(case).join("adapter"), &base).unwrap();
        let model = base.with_adapter(&adapter).unwrap();
        let (alone, first) = (logits(&model, &[vec![17]]), logits(&model, &[vec![17, 4, 42]]));
        alone.iter().zip(&first).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{case}: {a} and {b}"));
    }
}

#[test]
fn what_the_router_cannot_have_is_refused_by_its_field() {
    let error = |fields: &str| {
        ModelConfig::from_json(&format!(r#"{{"model_type": "mixtral", {fields}}}"#)).unwrap_err().to_string()
    };
    let many = error(r#""num_local_experts": 2, "num_experts_per_tok": 3"#);
    assert_eq!(many, "`num_experts_per_tok` is 3 in config.json, expected at most the number of experts");
    assert!(error(r#""output_router_logits": true"#).starts_with("`output_router_logits` is true"));
    assert!(error(r#""router_jitter_noise": 0.1"#).starts_with("`router_jitter_noise` is 0.1"));
}
