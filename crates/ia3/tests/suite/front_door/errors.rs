//! Errors of the front door say what is wrong and what to do.

use ia3::io::AdapterFile;
use ia3::{Adapter, Error, Ia3Config, Model, ModelConfig};

use super::{open, with_tokenizer};
use crate::common::{cases, device, fixture};

fn t5() -> (Model, Adapter) {
    open(&cases().into_iter().find(|case| case.name == "t5").unwrap())
}

#[test]
fn an_adapter_of_another_base_is_refused() {
    let (t5, _) = t5();
    let error = Adapter::load(fixture("gpt2/adapter"), &t5).unwrap_err();
    let (error, path) = (error.to_string(), fixture("gpt2/adapter").display().to_string());
    assert!(error.contains(&path) && error.contains("does not fit the base"), "{error}");
    let other = with_tokenizer();
    assert!(Adapter::load(fixture("t5/adapter"), &other).is_err());
    let (_, adapter) = open(&cases().into_iter().find(|case| case.name == "gpt2").unwrap());
    assert!(matches!(t5.with_adapter(&adapter), Err(Error::Adapter(_))));
    assert!(matches!(t5.merge(&adapter), Err(Error::Adapter(_))));
}

#[test]
fn a_folder_without_a_model_says_what_a_base_is() {
    let error = Model::from_pretrained("nowhere", &device()).unwrap_err().to_string();
    assert!(error.contains("nowhere/config.json"), "{error}");
    assert!(error.contains("a base is a folder with `config.json` and `model.safetensors`"), "{error}");
    let (t5, _) = t5();
    let error = Adapter::load("nowhere", &t5).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn texts_without_a_tokenizer_are_an_error_that_says_what_to_do() {
    let (t5, adapter) = t5();
    let folder = t5.folder().unwrap().display();
    let expected =
        format!("{folder} has no tokenizer, so texts cannot be read or written; give token ids instead");
    assert_eq!(t5.generate("a text").run().unwrap_err().to_string(), expected);
    assert_eq!(t5.forward("a text").unwrap_err().to_string(), expected);
    assert_eq!(t5.decode(&[5]).unwrap_err().to_string(), expected);
    let model = t5.with_adapter(&adapter).unwrap();
    assert_eq!(model.train([("a", "b")]).run().unwrap_err().to_string(), expected);
    assert_eq!(t5.evaluate([("a", "b")]).run().unwrap_err().to_string(), expected);
}

#[test]
fn a_model_is_only_trained_and_saved_as_it_can_be() {
    let (t5, adapter) = t5();
    let example = [(vec![5, 1], vec![6, 1])];
    let out = tempfile::tempdir().unwrap();
    assert!(matches!(t5.train(example.clone()).run(), Err(Error::NothingToTrain)));
    let rows = t5.with_rows(&[Some(&adapter)]).unwrap();
    let error = rows.train(example).run().unwrap_err().to_string();
    assert_eq!(
        error,
        "a model whose batch entries have their own adapters cannot be trained with `train`; use `train_adapters` of \
         the base"
    );
    assert!(matches!(rows.merge_and_unload(), Err(Error::RowAdapters { .. })));
    let model = t5.with_adapter(&adapter).unwrap();
    assert!(matches!(model.save_pretrained(out.path()), Err(Error::AdaptersAttached)));
    assert!(std::fs::read_dir(out.path()).unwrap().next().is_none(), "nothing was written");
    assert!(
        matches!(t5.save_pretrained(t5.folder().unwrap()), Err(Error::Checkpoint(_))),
        "the base's own folder"
    );
    assert!(matches!(model.with_adapter(&adapter), Err(Error::Adapter(_))));
    assert!(matches!(t5.adapter(), Err(Error::NotOneAdapter { found: 0 })));
    assert!(matches!(t5.with_rows(&[]), Err(Error::Adapter(_))));
    let bare = Model::from(ModelConfig::from_json(r#"{"model_type": "t5"}"#).unwrap().init(&device()));
    assert!(matches!(bare.save_pretrained(out.path()), Err(Error::NoFolder)));
    assert!(matches!(bare.generate("a text").run(), Err(Error::NoTokenizer { folder: None })));
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let (t5, _) = t5();
    let error = Adapter::new(&Ia3Config::new().with_target_modules(["q_proj"]), &t5).unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error:?}");
}

/// Every error of the crates below converts into `ia3::Error` and keeps its text.
#[test]
fn errors_of_all_crates_convert() {
    fn check<T>(result: Result<T, impl Into<Error> + std::fmt::Display>) {
        let Err(error) = result else { panic!("there is no error to convert") };
        let text = error.to_string();
        assert_eq!(error.into().to_string(), text);
    }
    let (t5, _) = t5();
    check(Ia3Config::from_json("[]"));
    check(ModelConfig::from_json("{}"));
    check(AdapterFile::open("nowhere"));
    check(ia3::io::Checkpoint::open("nowhere"));
    check(ia3::attach_rows(t5.module(), &[]));
    check(ia3::data::Record::from_json("[]"));
    check(ia3::device(Some("abacus")));
    check(ia3::train::evaluate(t5.module(), &[], 1));
}
