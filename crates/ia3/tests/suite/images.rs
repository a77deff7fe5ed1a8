//! Models of images beside the parity corpus: the names of their tensors, their inputs, and training.

use std::path::Path;

use burn::tensor::{Int, Tensor, TensorData};
use ia3::data::Pixels;
use ia3::models::{PaddingSide, ProblemType};
use ia3::train::{Example, Target};
use ia3::{Adapter, Ia3Config, Model, ModelInputs, PretrainedOptions, Task};

use crate::common::{assert_close, device, fixture, images, tensors};

fn open(case: &str) -> Model {
    Model::from_pretrained(fixture(case).join("base"), &device()).unwrap()
}

fn inputs(model: &Model) -> ModelInputs {
    ModelInputs::images(images(model.module(), 3).unwrap())
}

fn logits(model: &Model) -> Vec<f32> {
    model.forward(inputs(model)).unwrap().into_data().iter().collect()
}

/// A folder with the configuration of a case and its tensors under other names, `None` for one that is left out.
fn renamed(case: &str, name: impl Fn(&str) -> Option<String>) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let base = fixture(case).join("base");
    std::fs::copy(base.join("config.json"), out.path().join("config.json")).unwrap();
    let all = tensors(&base.join("model.safetensors")).into_iter();
    let all: Vec<(String, TensorData)> = all.filter_map(|(own, value)| Some((name(&own)?, value))).collect();
    let all: Vec<(&str, &TensorData)> = all.iter().map(|(name, value)| (name.as_str(), value)).collect();
    ia3::io::write_tensors(out.path().join("model.safetensors"), &all).unwrap();
    out
}

/// Checkpoints of ViT have the names of transformers 4, which are not those of its modules in transformers 5.
#[test]
fn both_layouts_of_names_are_read_with_and_without_the_prefix() {
    let expected = logits(&open("vit"));
    let modules = [
        ("vit.encoder.layer.", "vit.layers."),
        ("attention.attention.query", "attention.q_proj"),
        ("attention.attention.key", "attention.k_proj"),
        ("attention.attention.value", "attention.v_proj"),
        ("attention.output.dense", "attention.o_proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
    ];
    let new = |name: &str| {
        Some(modules.iter().fold(name.to_string(), |name, (old, new)| name.replacen(old, new, 1)))
    };
    let bare = |name: &str| Some(name.strip_prefix("vit.").unwrap_or(name).to_string());
    for folder in [renamed("vit", new), renamed("vit", bare)] {
        let model = Model::from_pretrained(folder.path(), &device()).unwrap();
        assert!(model.load_report().missing.is_empty() && model.load_report().unused.is_empty());
        assert_eq!(logits(&model), expected);
    }
    // What is saved has the names of the file that was read.
    let out = tempfile::tempdir().unwrap();
    open("vit").save_pretrained(out.path()).unwrap();
    let names = |folder: &Path| {
        let mut names: Vec<String> = tensors(&folder.join("model.safetensors")).into_keys().collect();
        names.sort();
        names
    };
    assert_eq!(names(out.path()), names(&fixture("vit/base")));
}

/// A base without a head becomes a classifier, as `google/vit-base-patch16-224-in21k` and a whole CLIP do.
#[test]
fn a_base_without_a_head_becomes_a_classifier() {
    let options = PretrainedOptions::new().with_num_labels(5);
    let vit = Model::from_pretrained_with(fixture("vit_features/base"), &options, &device()).unwrap();
    assert_eq!(vit.module().task(), Task::SequenceClassification);
    assert_eq!(vit.module().architecture().unwrap(), "ViTForImageClassification");
    assert_eq!(vit.load_report().missing, ["classifier.weight", "classifier.bias"]);
    assert_eq!(vit.forward(inputs(&vit)).unwrap().dims(), [3, 1, 5]);

    let headless = renamed("clip", |name| (!name.starts_with("classifier")).then(|| name.to_string()));
    let config = std::fs::read_to_string(headless.path().join("config.json")).unwrap();
    let whole = config.replace("CLIPForImageClassification", "CLIPModel");
    std::fs::write(headless.path().join("config.json"), whole).unwrap();
    let tower = Model::from_pretrained(headless.path(), &device()).unwrap();
    assert_eq!(tower.module().task(), Task::FeatureExtraction);
    assert_eq!(tower.module().architecture().unwrap(), "CLIPVisionModel");
    assert_eq!(tower.forward(inputs(&tower)).unwrap().dims(), [3, 10, 16]);
    let clip = Model::from_pretrained_with(headless.path(), &options, &device()).unwrap();
    assert_eq!(clip.module().architecture().unwrap(), "CLIPForImageClassification");
    assert_eq!(clip.forward(inputs(&clip)).unwrap().dims(), [3, 1, 5]);

    let alone = Model::from_pretrained_with(fixture("clip_features/base"), &options, &device());
    let refused = alone.unwrap_err().to_string();
    assert_eq!(refused, "a `clip_vision_model` model has no head for this task");
}

#[test]
fn inputs_of_the_other_kind_are_refused_by_name() {
    let (vit, bert) = (open("vit"), open("bert"));
    let ids = ModelInputs::from_rows(&[vec![7, 8]], 0, PaddingSide::Right, &device());
    let texts = vit.forward(ids.clone()).unwrap_err().to_string();
    assert_eq!(texts, "`input_ids` is given, but this model reads images; give `pixel_values` instead");
    let both = ModelInputs { pixel_values: inputs(&vit).pixel_values, ..ids };
    let expected = "`pixel_values` is given, but this model reads texts; give `input_ids` instead";
    for text_model in ["bert", "gpt2", "t5", "distilbert_spans"] {
        assert_eq!(open(text_model).forward(both.clone()).unwrap_err().to_string(), expected, "{text_model}");
    }
    let labels = Tensor::<2, Int>::from_ints([[0], [1], [2]], &device());
    let nothing = vit.module().loss(&ModelInputs::default(), labels).unwrap_err().to_string();
    assert_eq!(nothing, "`pixel_values` is missing, but this model reads images");
    assert!(bert.module().image().is_none() && vit.module().image().unwrap().tokens == 13);
    let two = vit.module();
    let adapter = Adapter::load(fixture("vit/adapter_alt"), &vit).unwrap();
    let mixed = ia3::attach_rows(two, &[None, Some(&*adapter)]).unwrap();
    let rows = mixed.forward(&inputs(&vit)).unwrap_err().to_string();
    assert_eq!(rows, "`pixel_values` has 3 rows, but the model has an adapter for each of 2");
}

/// Images of two classes, of which one is brighter.
fn examples(model: &Model) -> Vec<Example> {
    let shape = model.module().image().unwrap();
    let shape = [shape.channels, shape.height, shape.width];
    let size: usize = shape.iter().product();
    let example = |i: usize| {
        let bytes = (0..size).map(|at| ((at * 7 + i * 13) % 100 + 120 * (i % 2)) as u8).collect();
        let normal = Some(vec![[0.5, 0.5]; shape[0]]);
        let pixels = Pixels { name: format!("{i}.png"), shape, bytes, factor: Some(1.0 / 255.0), normal };
        Example::of_image(pixels, Target::Class(i % 2))
    };
    (0..6).map(example).collect()
}

#[test]
fn an_adapter_is_trained_on_images_and_evaluated() {
    for case in ["vit", "clip"] {
        let model = open(case);
        let adapter = Adapter::new(&Ia3Config::new(), &model).unwrap();
        let examples = examples(&model);
        let adapted = model.with_adapter(&adapter).unwrap();
        let trained = adapted.train(&examples).steps(40).batch_size(3).learning_rate(5e-2).run().unwrap();
        let losses = &trained.report.losses;
        let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
        let (first, last) = (mean(&losses[..2]), mean(&losses[losses.len() - 2..]));
        assert!(last < 0.5 * first, "{case}: {first} {last}");
        let evaluation = trained.model.evaluate(&examples).run().unwrap();
        assert!(evaluation.score > 0.8, "{case}: {}", evaluation.score);
    }
}

#[test]
fn examples_that_do_not_fit_are_refused() {
    let (vit, bert) = (open("vit"), open("bert"));
    let loss = |model: &Model, examples: &[Example]| model.loss(examples).map(drop).unwrap_err().to_string();
    let text = [Example::new(vec![7, 8], Target::Class(0))];
    assert!(loss(&vit, &text).contains("example 0 has no image, which the model reads"));
    let images = examples(&vit);
    assert!(loss(&bert, &images).contains("example 0 has an image, but the model reads texts"));
    let clip = loss(&open("clip"), &images);
    let expected = "the image of example 0 has the shape [2, 9, 16] (channels, height, width), but the model reads [3, 12, 12]";
    assert!(clip.contains(expected), "{clip}");
}

#[test]
fn several_classes_and_numbers_are_targets_too() {
    for problem in [ProblemType::MultiLabelClassification, ProblemType::Regression] {
        let config = ia3::read_config(fixture("clip/base")).unwrap().with_problem_type(problem);
        let options = PretrainedOptions::new().with_config(config);
        let model = Model::from_pretrained_with(fixture("clip/base"), &options, &device()).unwrap();
        let values = Tensor::from_floats([[1.0, 0.0, 0.0, 1.0]; 3], &device());
        let got: f32 =
            model.module().value_losses(&inputs(&model), values.clone()).unwrap().mean().into_scalar();
        let logits = model.forward(inputs(&model)).unwrap().reshape([3, 4]);
        let expected = match problem {
            ProblemType::Regression => (logits - values).square().mean(),
            // The binary cross entropy of logits.
            _ => (logits.clone().clamp_min(0.0) - logits.clone() * values + (-logits.abs()).exp().log1p())
                .mean(),
        };
        assert_close(&[got], &[expected.into_scalar()], 1e-5, "loss");
    }
}
