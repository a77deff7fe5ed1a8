//! Adapters of other formats, as PyTorch and AdapterHub's library wrote them (`fixtures/formats/t5v11`), and what becomes of
//! them on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{fixture, info};
use burn::tensor::Device;
use ia3_config::{ModelInfo, Placement, Selector, TaskType};
use ia3_convert::{
    AdapterFormat, ConvertOptions, Converted, FeedForwardSite, convert_adapter_with, open_adapter,
    place_feed_forward, save_adapter_as,
};
use ia3_io::{AdapterFile, FileVector, load_adapter};
use ia3_models::ModelConfig;

fn convert(from: &Path, to: AdapterFormat, out: &Path, options: &ConvertOptions) -> Converted {
    convert_adapter_with(from, to, out, options).unwrap_or_else(|e| panic!("{e}"))
}

fn bits(vectors: &BTreeMap<String, FileVector>) -> BTreeMap<String, Vec<u32>> {
    let bits = |v: &FileVector| v.values.iter().map(|x| x.to_bits()).collect();
    vectors.iter().map(|(path, v)| (path.clone(), bits(v))).collect()
}

fn weights(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("adapter_model.safetensors")).unwrap()
}

const SOURCES: [(&str, AdapterFormat); 5] = [
    ("formats/t5v11/tfew.pt", AdapterFormat::TFew),
    ("formats/t5v11/tfew_deepspeed.pt", AdapterFormat::TFew),
    ("formats/t5v11/adapterhub", AdapterFormat::AdapterHub),
    ("formats/t5v11/adapterhub_safetensors", AdapterFormat::AdapterHub),
    ("formats/t5v11/adapterhub_model_class", AdapterFormat::AdapterHub),
];

#[test]
fn every_format_holds_the_vectors_of_peft_on_the_output_of_wi_1() {
    let peft = AdapterFile::open(fixture("t5v11/adapter")).unwrap();
    let expected: BTreeMap<String, Vec<u32>> =
        bits(&peft.vectors).into_iter().map(|(path, v)| (path.replace(".wo", ".wi_1"), v)).collect();
    for (source, format) in SOURCES {
        let opened = open_adapter(fixture(source)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(opened.format, format, "{source}");
        assert_eq!(bits(&opened.file.vectors), expected, "{source}");
        assert!(opened.file.vectors.values().all(|v| v.shape == [v.values.len(), 1]), "{source}");
        let config = opened.file.config;
        assert_eq!(config.target_modules, Some(Selector::from(["k", "v", "wi_1"])), "{source}");
        assert_eq!(config.feedforward_modules, Some(Selector::from([])), "{source}");
        assert_eq!(config.task_type, Some(TaskType::Seq2SeqLm), "{source}");
        let ignored: &[&str] = match source {
            "formats/t5v11/tfew_deepspeed.pt" => &["module.model.shared.weight"],
            _ => &[],
        };
        assert_eq!(opened.ignored, ignored, "{source}");
    }
}

#[test]
fn a_file_in_a_folder_is_the_adapter_of_that_folder() {
    for (file, format) in [
        ("formats/t5v11/adapterhub/pytorch_adapter.bin", AdapterFormat::AdapterHub),
        ("formats/t5v11/adapterhub_safetensors/adapter_config.json", AdapterFormat::AdapterHub),
        ("t5v11/adapter/adapter_model.safetensors", AdapterFormat::Peft),
        ("t5v11/adapter/adapter_config.json", AdapterFormat::Peft),
    ] {
        let opened = open_adapter(fixture(file)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(opened.format, format, "{file}");
    }
}

#[test]
fn other_float_types_are_rounded_to_float32() {
    let opened = open_adapter(fixture("formats/t5v11/tfew_dtypes.pt")).unwrap();
    let values = |name: &str| opened.file.vectors[&format!("{name}.k")].values.clone();
    assert_eq!(values("f64"), [1.0, 0.333_333_34, -2.5]);
    assert_eq!(values("f16"), [1.0, 0.33325195, -2.5]);
    assert_eq!(values("bf16"), [1.0, 0.33398438, -2.5]);
    // Not T5's names: whole paths, since `k` alone could be any layer of the base.
    let paths = Selector::from(["bf16.k", "f16.k", "f64.k"]);
    assert_eq!(opened.file.config.target_modules, Some(paths));
}

#[test]
fn every_source_becomes_the_peft_folder_it_was_made_from() {
    let out = tempfile::tempdir().unwrap();
    let original = fixture("t5v11/adapter");
    for (i, (source, _)) in SOURCES.iter().enumerate() {
        let dir = out.path().join(i.to_string());
        let options = ConvertOptions::new().with_site(FeedForwardSite::Wo).with_base_name("base");
        let converted = convert(&fixture(source), AdapterFormat::Peft, &dir, &options);
        assert!(weights(&dir) == weights(&original), "{source}");
        assert_eq!((converted.placed.moved.len(), converted.adapter.vectors.len()), (5, 21));
        let (new, old) =
            (AdapterFile::open(&dir).unwrap().config, AdapterFile::open(&original).unwrap().config);
        assert_eq!(new.target_modules, old.target_modules);
        assert_eq!(new.feedforward_modules, old.feedforward_modules);
        assert_eq!((new.task_type, new.base_model_name_or_path), (old.task_type, Some("base".into())));
        load_adapter(&dir, &info("t5v11"), &Device::flex()).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// PEFT's adapter through another format and back, its vectors at either place: the same bytes.
#[test]
fn peft_comes_back_from_every_format() {
    let out = tempfile::tempdir().unwrap();
    let options = ConvertOptions::new().with_base(info("t5v11"));
    for format in [AdapterFormat::TFew, AdapterFormat::AdapterHub, AdapterFormat::Peft] {
        let (there, back) =
            (out.path().join(format!("{format} there")), out.path().join(format!("{format} back")));
        let moved = options.clone().with_site(FeedForwardSite::Wi1);
        convert(&fixture("t5v11/adapter"), format, &there, &moved);
        let opened = open_adapter(&there).unwrap();
        assert_eq!(opened.format, format);
        load_fits(&opened.file, &info("t5v11"));
        convert(&there, AdapterFormat::Peft, &back, &options.clone().with_site(FeedForwardSite::Wo));
        assert!(weights(&back) == weights(&fixture("t5v11/adapter")), "{format}");
    }
}

fn load_fits(file: &AdapterFile, base: &ModelInfo) {
    let (_, report) = file.clone().into_adapter(base, &Device::flex()).unwrap();
    assert!(report.is_complete(), "{report}");
}

/// mT5's default has its vectors on `wi_1` already.
#[test]
fn vectors_on_outputs_need_no_base_and_stay() {
    let out = tempfile::tempdir().unwrap();
    let (file, back) = (out.path().join("mt5.pt"), out.path().join("back"));
    let converted = convert(&fixture("mt5/adapter"), AdapterFormat::TFew, &file, &ConvertOptions::new());
    assert!(converted.placed.moved.is_empty());
    assert_eq!(converted.placed.kept.len(), 4);
    convert(&file, AdapterFormat::Peft, &back, &ConvertOptions::new());
    assert!(weights(&back) == weights(&fixture("mt5/adapter")));
}

/// The plain T5: its feed-forward vector stays where it is, on the output of `wi` in AdapterHub's format.
#[test]
fn a_plain_block_keeps_its_vector_on_the_output_of_wi() {
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name);
    let mut file = AdapterFile::open(fixture("t5/adapter")).unwrap();
    file.vectors = (file.vectors.into_iter())
        .map(|(module, v)| {
            let shape = vec![v.values.len(), 1];
            (module.replace(".wo", ".wi"), FileVector { shape, ..v })
        })
        .collect();
    file.config = file.config.with_target_modules(["k", "v", "wi"]).with_feedforward_modules([] as [&str; 0]);
    save_adapter_as(&file, AdapterFormat::AdapterHub, path("hub"), None).unwrap();
    let converted = convert(&path("hub"), AdapterFormat::Peft, &path("peft"), &ConvertOptions::new());
    assert_eq!(bits(&converted.adapter.vectors), bits(&file.vectors));
    load_fits(&AdapterFile::open(path("peft")).unwrap(), &info("t5"));
    let config = fs::read_to_string(path("hub/adapter_config.json")).unwrap();
    assert!(config.contains("\"intermediate_lora\": true") && config.contains("\"output_lora\": false"));
}

#[test]
fn vectors_in_both_places_become_their_product() {
    let out = tempfile::tempdir().unwrap();
    let (base, device) = (info("t5v11"), Device::flex());
    let mut file = AdapterFile::open(fixture("t5v11/adapter")).unwrap();
    let block = "encoder.block.0.layer.1.DenseReluDense";
    let (wo, wi_1) = (format!("{block}.wo"), format!("{block}.wi_1"));
    let down = file.vectors[&wo].values.clone();
    let up: Vec<f32> = (0..down.len()).map(|i| 0.25 * i as f32 - 1.5).collect();
    file.vectors.insert(wi_1.clone(), FileVector { shape: vec![up.len(), 1], values: up.clone() });
    file.config = file.config.with_target_modules(["k", "v", "wo", &wi_1]);
    let expected: Vec<f32> = up.iter().zip(&down).map(|(a, b)| a * b).collect();
    for site in [FeedForwardSite::Wo, FeedForwardSite::Wi1] {
        let (placed_file, placed) = place_feed_forward(file.clone(), site, None).unwrap();
        let at = if site == FeedForwardSite::Wo { (&wo, &wi_1) } else { (&wi_1, &wo) };
        assert_eq!(placed_file.vectors[at.0].values, expected);
        assert!(!placed_file.vectors.contains_key(at.1));
        assert_eq!(placed.multiplied, std::slice::from_ref(at.1));
        load_fits(&placed_file, &base);
    }
    save_adapter_as(&file, AdapterFormat::Peft, out.path().join("both"), None).unwrap();
    let both = load_adapter(out.path().join("both"), &base, &device).unwrap();
    let placements: Vec<Placement> = [&wi_1, &wo].map(|path| both.vectors[path].placement).to_vec();
    assert_eq!(placements, [Placement::Output, Placement::Input]);
}

/// A list of last names would select layers that have no vector.
#[test]
fn some_layers_are_selected_by_their_whole_paths() {
    let mut file = open_adapter(fixture("formats/t5v11/tfew.pt")).unwrap().file;
    file.vectors.retain(|path, _| path.starts_with("encoder"));
    let out = tempfile::tempdir().unwrap();
    save_adapter_as(&file, AdapterFormat::TFew, out.path().join("some.pt"), None).unwrap();
    let opened = open_adapter(out.path().join("some.pt")).unwrap();
    let paths: Selector = file.vectors.keys().cloned().collect();
    assert_eq!(opened.file.config.target_modules, Some(paths));
    load_fits(&opened.file, &info("t5v11"));
}

/// `modules_to_save` and their layout go through unread.
#[test]
fn parameters_saved_whole_stay_in_pefts_format() {
    let out = tempfile::tempdir().unwrap();
    for case in ["bert/adapter_alt", "gpt2/adapter", "llama/adapter_alt"] {
        let dir = out.path().join(case);
        convert(&fixture(case), AdapterFormat::Peft, &dir, &ConvertOptions::new());
        assert!(weights(&dir) == weights(&fixture(case)), "{case}");
    }
}

#[test]
fn the_pickle_of_an_older_peft_is_read() {
    let out = tempfile::tempdir().unwrap();
    for path in ["formats/t5v11/peft_bin", "formats/t5v11/peft_bin/adapter_model.bin"] {
        let dir = out.path().join(path);
        let converted = convert(&fixture(path), AdapterFormat::Peft, &dir, &ConvertOptions::new());
        assert_eq!(converted.from, AdapterFormat::Peft);
        assert!(weights(&dir) == weights(&fixture("t5v11/adapter")), "{path}");
    }
}

/// Llama's names: gated if the base has the gate.
#[test]
fn the_vectors_of_a_llama_move_where_its_base_is_known() {
    let file = AdapterFile::open(fixture("llama/adapter")).unwrap();
    let gated = |file: &AdapterFile| {
        let linear = |d_in, d_out| ia3_config::ModuleKind::Linear { d_in, d_out, bias: false };
        let modules = file.vectors.iter().flat_map(|(path, v)| {
            let n = v.values.len();
            match path.strip_suffix("down_proj") {
                Some(p) => vec![
                    (format!("{p}gate_proj"), linear(8, n)),
                    (format!("{p}up_proj"), linear(8, n)),
                    (path.clone(), linear(n, 8)),
                ],
                None => vec![(path.clone(), linear(8, n))],
            }
        });
        let modules = modules.map(|(path, kind)| ia3_config::ModuleInfo::new(path, kind)).collect();
        ModelInfo::new("llama", modules)
    };
    let base = gated(&file);
    let (moved, placed) = place_feed_forward(file.clone(), FeedForwardSite::Wi1, Some(&base)).unwrap();
    assert_eq!(moved.config.target_modules, Some(Selector::from(["k_proj", "up_proj", "v_proj"])));
    assert!(placed.moved.iter().all(|(from, to)| from.replace("down_proj", "up_proj") == *to));
    let (back, _) = place_feed_forward(moved, FeedForwardSite::Wo, Some(&base)).unwrap();
    assert_eq!(back.vectors, file.vectors);
    assert_eq!(back.config, file.config);
}

/// The authors' vectors for T0-3B, where they are at hand.
#[test]
fn the_authors_own_file() {
    let Some(file) = std::env::var_os("IA3_TFEW_T03B").map(PathBuf::from) else {
        return ia3_testing::skip("IA3_TFEW_T03B does not name t03b_ia3_finish.pt of r-three/t-few");
    };
    let out = tempfile::tempdir().unwrap();
    let [wi_1, wo, back] = ["wi_1", "wo", "back.pt"].map(|name| out.path().join(name));
    let converted = convert(&file, AdapterFormat::Peft, &wi_1, &ConvertOptions::new());
    let numbers: usize = converted.adapter.vectors.values().map(|v| v.values.len()).sum();
    assert_eq!((converted.adapter.vectors.len(), numbers), (192, 540_672));
    assert_eq!(converted.adapter.config.target_modules, Some(Selector::from(["k", "v", "wi_1"])));
    let statistics = ia3_io::VectorStats::of(
        &converted.adapter.vectors.values().flat_map(|v| v.values.iter().copied()).collect::<Vec<_>>(),
    );
    assert_eq!(
        statistics.to_string(),
        "mean 0.9953 std 0.0929 min -0.7876 max 2.0488, 12 of 540672 negative, 0 ones, 0 not finite"
    );
    let to_wo = ConvertOptions::new().with_site(FeedForwardSite::Wo);
    assert_eq!(convert(&file, AdapterFormat::Peft, &wo, &to_wo).placed.moved.len(), 48);
    let gated = ConvertOptions::new().with_base(t0_3b());
    convert(&wo, AdapterFormat::TFew, &back, &gated);
    let (new, old) = (open_adapter(&back).unwrap(), open_adapter(&file).unwrap());
    assert_eq!(bits(&new.file.vectors), bits(&old.file.vectors));
    assert!(pickle(&back) == pickle(&file), "another pickle than PyTorch's");
}

/// T0-3B's `config.json` has these sizes.
fn t0_3b() -> ModelInfo {
    let json = r#"{"model_type": "t5", "d_model": 2048, "d_kv": 64, "num_heads": 32, "d_ff": 5120, "num_layers": 24,
        "vocab_size": 32128, "feed_forward_proj": "gated-gelu"}"#;
    ModelConfig::from_json(json).unwrap().init(&Device::flex()).info()
}

/// The pickle in a file of `torch.save`.
fn pickle(path: &Path) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let name =
        zip.file_names().map(|name| name.unwrap().into_owned()).find(|n| n.ends_with("data.pkl")).unwrap();
    let mut bytes = vec![];
    std::io::Read::read_to_end(&mut zip.by_name(&name).unwrap(), &mut bytes).unwrap();
    bytes
}

/// PyTorch's own bytes: what it would write, for the vectors it wrote.
#[test]
fn a_written_file_has_the_pickle_that_pytorch_writes() {
    let out = tempfile::tempdir().unwrap();
    let again = out.path().join("again.pt");
    convert(&fixture("formats/t5v11/tfew.pt"), AdapterFormat::TFew, &again, &ConvertOptions::new());
    assert!(pickle(&again) == pickle(&fixture("formats/t5v11/tfew.pt")));
    let bytes = fs::read(&again).unwrap();
    convert(&again, AdapterFormat::TFew, &again, &ConvertOptions::new());
    assert!(fs::read(&again).unwrap() == bytes, "the same values give other bytes");
}
