//! Whisper: what goes into it, where its text begins, and its head, which has another name than those of other models.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::models::{GenerationConfig, Model};
use ia3::{Bits, GenerationFile, ModelConfig, ModelInputs, PretrainedOptions, Quantization, Task};

use crate::common::{Case, cases, device, fixture};

fn case() -> Case {
    cases().into_iter().find(|case| case.name == "whisper").unwrap()
}

fn features(case: &Case) -> ModelInputs {
    ModelInputs::from_features(case.inputs().input_features.clone().unwrap())
}

fn ids(rows: &[[i64; 3]]) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), 3]), &device())
}

fn rows(ids: Tensor<2, Int>) -> Vec<Vec<i64>> {
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.into_data().iter().collect();
    ids.chunks(width).map(<[i64]>::to_vec).collect()
}

fn generate(model: &Model, inputs: &ModelInputs, config: &GenerationConfig) -> Vec<Vec<i64>> {
    rows(model.generate(inputs, config).unwrap().ids)
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let case = case();
    assert_eq!(case.base.task(), Task::SpeechSeq2Seq);
    let good = ModelInputs { decoder_input_ids: Some(ids(&[[2, 5, 6]; 3])), ..features(&case) };
    case.base.forward(&good).unwrap();
    let error = |inputs: ModelInputs| case.base.forward(&inputs).unwrap_err().to_string();
    let of = |shape: [usize; 3]| ModelInputs {
        input_features: Some(Tensor::zeros(shape, &device())),
        ..good.clone()
    };
    let short = error(of([3, 8, 19]));
    assert!(short.starts_with("`input_features` has shape [3, 8, 19], expected [batch, 8, 20]"), "{short}");
    assert!(error(of([3, 7, 20])).contains("expected [batch, 8, 20]"));
    assert!(error(of([0, 8, 20])).contains("expected [batch, 8, 20]"));
    let rows = error(of([2, 8, 20]));
    assert_eq!(rows, "`decoder_input_ids` has 3 rows, but input_features has 2");
    let nan =
        ModelInputs { input_features: Some(Tensor::full([3, 8, 20], f32::NAN, &device())), ..good.clone() };
    assert_eq!(error(nan), "`input_features` holds NaN, which is not finite");
    let none = error(ModelInputs { input_features: None, ..good.clone() });
    assert_eq!(none, "`input_features` is missing, but this model needs it");
    let both = error(ModelInputs { input_ids: Some(ids(&[[2, 5, 6]; 3])), ..good.clone() });
    assert_eq!(
        both,
        "`input_ids` is given, but this model reads `input_features` in its place; leave it out"
    );
    assert!(
        error(ModelInputs { attention_mask: Some(ids(&[[1; 3]; 3])), ..good.clone() })
            .contains("`attention_mask`")
    );
    let outside = error(ModelInputs { decoder_input_ids: Some(ids(&[[2, 61, 6]; 3])), ..good });
    assert!(outside.contains("the id 61, outside the vocabulary of 61"), "{outside}");

    let t5 = ia3::from_pretrained(fixture("t5/base"), &device()).unwrap().model;
    let text = ModelInputs { decoder_input_ids: Some(ids(&[[0, 5, 6]; 3])), ..features(&case) };
    let refused = t5.forward(&text).unwrap_err().to_string();
    assert_eq!(
        refused,
        "`input_features` is given, but this model reads `input_ids`, and no features of sound"
    );
    let likely = case.base.log_likelihoods(&[(&[3, 4], &[vec![5, 1]])]).unwrap_err().to_string();
    assert!(likely.contains("reads `input_features`"), "{likely}");
}

#[test]
fn a_prompt_of_the_caller_takes_the_place_of_that_of_the_settings() {
    let case = case();
    let config = case.base.generation_config(8).with_min_new_tokens(8);
    assert_eq!(config.decoder_prompt, [40, 33]);
    let expected = generate(&case.base, &features(&case), &config);
    let prompt = ModelInputs { decoder_input_ids: Some(ids(&[[2, 40, 33]; 3])), ..features(&case) };
    let bare = config.clone().with_decoder_prompt(vec![]);
    assert_eq!(generate(&case.base, &prompt, &bare), expected);
    assert_eq!(generate(&case.base, &prompt, &config), expected);
    assert_ne!(generate(&case.base, &features(&case), &bare)[0][1..], expected[0][3..]);
    let beams = config.clone().with_num_beams(3);
    assert_eq!(generate(&case.base, &prompt, &beams), generate(&case.base, &features(&case), &beams));
    // The prompt of each row is its own.
    let other = ModelInputs {
        decoder_input_ids: Some(ids(&[[2, 40, 33], [2, 7, 8], [2, 40, 33]])),
        ..features(&case)
    };
    let got = generate(&case.base, &other, &config);
    assert_eq!((&got[0], &got[2]), (&expected[0], &expected[2]));
    assert_eq!(got[1][..3], [2, 7, 8]);

    let error = |inputs: &ModelInputs, config: &GenerationConfig| {
        case.base.generate(inputs, config).unwrap_err().to_string()
    };
    let long = error(&features(&case), &config.clone().with_max_new_tokens(19));
    assert_eq!(
        long,
        "`max_new_tokens` is 19, expected no more tokens than the decoder has positions behind its prompt"
    );
    case.base.generate(&features(&case), &config.clone().with_max_new_tokens(18)).unwrap();
    let masked = ModelInputs { decoder_attention_mask: Some(ids(&[[1; 3]; 3])), ..prompt };
    assert!(error(&masked, &config).starts_with("`decoder_attention_mask` is given"));
    let outside = error(&features(&case), &config.clone().with_decoder_prompt(vec![61]));
    assert_eq!(outside, "`decoder_prompt` is 61, expected ids of the vocabulary");
    assert!(error(&features(&case), &config.with_languages(vec![-1])).starts_with("`languages` is -1"));
}

#[test]
fn the_language_of_each_row_is_the_most_probable_one() {
    let case = case();
    let languages = vec![6, 13, 20, 35, 47, 58];
    let start: Vec<[i64; 1]> = vec![[2]; 3];
    let start = Tensor::from_data(TensorData::new(start.concat(), [3, 1]), &device());
    let first = ModelInputs { decoder_input_ids: Some(start), ..features(&case) };
    let logits: Vec<f32> = case.base.last_logits(&first).unwrap().into_data().iter().collect();
    let best = |row: &[f32]| {
        *languages.iter().max_by(|a, b| row[**a as usize].total_cmp(&row[**b as usize])).unwrap()
    };
    let expected: Vec<i64> = logits.chunks(61).map(best).collect();
    let config = case.base.generation_config(6).with_min_new_tokens(6).with_decoder_prompt(vec![33]);
    let config = config.with_languages(languages.clone());
    let got = generate(&case.base, &features(&case), &config);
    for (row, language) in got.iter().zip(&expected) {
        assert_eq!(row[..3], [2, *language, 33]);
    }
    // The text is that of this prompt.
    let prompts: Vec<[i64; 3]> = expected.iter().map(|language| [2, *language, 33]).collect();
    let prompt = ModelInputs { decoder_input_ids: Some(ids(&prompts)), ..features(&case) };
    assert_eq!(generate(&case.base, &prompt, &config), got);
    let beams = generate(&case.base, &features(&case), &config.with_num_beams(2));
    assert!(beams.iter().zip(&expected).all(|(row, language)| row[1] == *language));
}

#[test]
fn suppressed_tokens_do_not_come_at_all_or_not_first() {
    let case = case();
    let config = case.base.generation_config(8).with_min_new_tokens(8);
    assert_eq!(config.suppress_tokens, [5, 17, 44]);
    assert_eq!(config.begin_suppress_tokens, [23, 1]);
    let free = generate(&case.base, &features(&case), &config);
    let first = free[0][3];
    assert!(free[0][4..].contains(&first), "the case repeats its first token: {free:?}");
    let config = config.with_begin_suppress_tokens(vec![first]);
    for beams in [1, 2] {
        let got = generate(&case.base, &features(&case), &config.clone().with_num_beams(beams));
        assert!(got.iter().all(|row| row[3] != first), "{got:?}");
        assert!(got[0][4..].contains(&first), "{got:?}");
        let never = config.clone().with_suppress_tokens(vec![first]).with_num_beams(beams);
        let got = generate(&case.base, &features(&case), &never);
        assert!(got.iter().all(|row| !row[3..].contains(&first)), "{got:?}");
    }
}

#[test]
fn the_head_in_integers_is_the_same_from_memory_and_from_disk() {
    let case = case();
    let dir = tempfile::tempdir().unwrap();
    for bits in [Bits::Eight, Bits::Four] {
        let how = Quantization::new(bits).with_head(true);
        let (base, report) = ia3::quantize(&case.base.clone().with_own_head(), how).unwrap();
        assert!(report.errors.contains_key("proj_out"), "{report:?}");
        let loaded =
            PretrainedOptions::new().with_quantization(how).load(case.dir.join("base"), &device()).unwrap();
        assert_eq!(loaded.report.unused, Vec::<String>::new());
        assert_eq!(case.logits(&loaded.model), case.logits(&base));
        let dir = dir.path().join(format!("{bits:?}"));
        ia3::io::copy_sidecars(case.dir.join("base"), &dir).unwrap();
        ia3::io::save_checkpoint(&loaded.model, &dir).unwrap();
        let again = ia3::from_pretrained(&dir, &device()).unwrap().model;
        assert_eq!(case.logits(&again), case.logits(&base));
    }
}

#[test]
fn a_training_that_would_hide_parts_of_the_features_is_refused() {
    let json = std::fs::read_to_string(fixture("whisper/base/config.json")).unwrap();
    let json = json.replace("\"apply_spec_augment\": false", "\"apply_spec_augment\": true");
    let model = |device: &Device| ModelConfig::from_json(&json).unwrap().init(device);
    let inputs = |device: &Device| ModelInputs {
        decoder_input_ids: Some(Tensor::from_ints([[2, 5]], device)),
        ..ModelInputs::from_features(Tensor::ones([1, 8, 20], device))
    };
    let plain = device();
    model(&plain).forward(&inputs(&plain)).unwrap();
    let training = plain.autodiff();
    let error = model(&training).train().forward(&inputs(&training)).unwrap_err().to_string();
    assert!(error.contains("`apply_spec_augment` in its config.json hides parts"), "{error}");
}

#[test]
fn the_settings_of_the_file_are_those_of_the_generation() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"suppress_tokens": [7], "begin_suppress_tokens": [8, 1], "forced_decoder_ids": [[1, null], [2, 20]],
        "lang_to_id": {"<|en|>": 10, "<|de|>": 11}, "task_to_id": {"transcribe": 20, "translate": 21},
        "no_timestamps_token_id": 30, "return_timestamps": false, "is_multilingual": true, "eos_token_id": 1}"#;
    std::fs::write(dir.path().join("generation_config.json"), text).unwrap();
    let file = GenerationFile::open(dir.path()).unwrap();
    let config = file.applied_to(case().base.generation_config(4));
    assert_eq!((&config.suppress_tokens[..], &config.begin_suppress_tokens[..]), (&[7][..], &[8, 1][..]));
    assert_eq!((&config.decoder_prompt[..], &config.languages[..]), (&[20, 30][..], &[11, 10][..]));
    let german = file.clone().with_language("de").unwrap().with_task("translate").unwrap();
    let config = german.applied_to(config);
    assert_eq!((&config.decoder_prompt[..], &config.languages[..]), (&[11, 21, 30][..], &[][..]));
    let unknown = file.with_language("tlh").unwrap_err().to_string();
    assert!(unknown.contains("`language` is tlh"), "{unknown}");
    std::fs::write(dir.path().join("generation_config.json"), r#"{"return_timestamps": true}"#).unwrap();
    let times = GenerationFile::open(dir.path()).unwrap_err().to_string();
    assert!(times.contains("`return_timestamps` is true, expected false"), "{times}");
}
