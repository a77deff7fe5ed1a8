//! Adapters that come, change, are broken, and give their place to others.

use std::fs;

use ia3_serve::{Engine, ServeError};

use crate::common::{ADAPTERS, copy_adapter, copy_of_adapters, llama, options, run, submit};

#[test]
fn an_adapter_that_was_evicted_and_loaded_again_answers_as_before() {
    let case = llama();
    let fresh = |name| run(&mut case.engine(options()), case.request(vec![3, 5, 9], name, 4)).bits();
    let expected = ADAPTERS.map(fresh);
    let mut engine = case.engine(options().with_adapters(1));
    for round in 0..3 {
        for (adapter, expected) in ADAPTERS.into_iter().zip(&expected) {
            let got = run(&mut engine, case.request(vec![3, 5, 9], adapter, 4)).bits();
            assert_eq!(got, *expected, "{adapter:?} in round {round}");
        }
    }
    let snapshot = engine.snapshot();
    assert_eq!((snapshot.adapter_loads, snapshot.adapter_evictions), (9, 8));
}

#[test]
fn a_request_waits_for_a_place_that_a_running_one_uses() {
    let case = llama();
    let mut engine = case.engine(options().with_rows(2).with_adapters(1));
    let first = submit(&mut engine, case.request(vec![3, 5], Some("adapter"), 6));
    let mut second = submit(&mut engine, case.request(vec![3, 5], Some("adapter_b"), 2));
    engine.step();
    engine.step();
    assert_eq!(second.count(), 0);
    let first = first.finish(&mut engine).bits();
    let second = second.finish(&mut engine).bits();
    let alone =
        |name, new| run(&mut case.engine(options()), case.request(vec![3, 5], Some(name), new)).bits();
    assert_eq!((first, second), (alone("adapter", 6), alone("adapter_b", 2)));
}

#[test]
fn a_folder_that_changes_counts_from_the_next_request_on() {
    let case = llama();
    let folder = copy_of_adapters(&case.dir);
    let mut engine =
        Engine::new(case.base.clone(), Some(folder.path().into()), options().with_rows(3)).unwrap();
    let mut answer = |name: &str| run(&mut engine, case.request(vec![3, 5, 9], Some(name), 4)).bits();
    let (a, b) = (answer("adapter"), answer("adapter_b"));
    let request = || case.request(vec![3, 5, 9], Some("adapter"), 4);
    let mut old = submit(&mut engine, request());
    engine.step();
    assert_eq!(old.count(), 1);
    copy_adapter(&folder.path().join("adapter_b"), &folder.path().join("adapter"));
    let new = submit(&mut engine, request());
    assert_eq!(old.finish(&mut engine).bits(), a, "it ends on the version that it began with");
    assert_eq!(new.finish(&mut engine).bits(), b);
    fs::remove_dir_all(folder.path().join("adapter")).unwrap();
    assert_eq!(engine.adapters(), ["adapter_alt", "adapter_b"]);
    let gone = run(&mut engine, request()).end.unwrap_err();
    assert!(matches!(&gone, ServeError::NoModel { name } if name == "adapter"), "{gone}");
    copy_adapter(&case.dir.join("adapter"), &folder.path().join("back"));
    assert_eq!(run(&mut engine, case.request(vec![3, 5, 9], Some("back"), 4)).bits(), a);
}

#[test]
fn a_broken_adapter_is_refused_by_name_while_the_others_go_on() {
    let case = llama();
    let folder = copy_of_adapters(&case.dir);
    let broken = |name: &str, file: &str, bytes: &[u8]| {
        copy_adapter(&case.dir.join("adapter"), &folder.path().join(name));
        fs::write(folder.path().join(name).join(file), bytes).unwrap();
    };
    let vectors = fs::read(case.dir.join("adapter/adapter_model.safetensors")).unwrap();
    broken("truncated", "adapter_model.safetensors", &vectors[..vectors.len() - 9]);
    broken("empty", "adapter_model.safetensors", b"");
    broken("no_json", "adapter_config.json", b"{");
    let mut nan = vectors.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    broken("nan", "adapter_model.safetensors", &nan);
    copy_adapter(&ia3_testing::fixture("mistral/adapter"), &folder.path().join("of_another"));
    copy_adapter(&ia3_testing::fixture("gpt2/adapter"), &folder.path().join("of_gpt2"));

    let mut engine =
        Engine::new(case.base.clone(), Some(folder.path().into()), options().with_rows(2)).unwrap();
    let row = submit(&mut engine, case.request(vec![3, 5], Some("adapter"), 12));
    engine.step();
    for name in ["truncated", "empty", "no_json", "nan", "of_gpt2"] {
        let error = run(&mut engine, case.request(vec![3, 5], Some(name), 2)).end.unwrap_err();
        assert!(matches!(&error, ServeError::Adapter { name: refused, .. } if refused == name), "{error}");
        assert!(error.to_string().starts_with(&format!("the adapter `{name}` is refused: ")), "{error}");
    }
    let row = row.finish(&mut engine).bits();
    assert_eq!(row, run(&mut case.engine(options()), case.request(vec![3, 5], Some("adapter"), 12)).bits());
    // What was refused takes no place, and is read again when it is mended.
    copy_adapter(&case.dir.join("adapter"), &folder.path().join("nan"));
    run(&mut engine, case.request(vec![3, 5], Some("nan"), 2)).end.unwrap();
}

#[test]
fn a_name_is_no_path() {
    let case = llama();
    let mut engine = case.busy_engine();
    for name in ["../llama/adapter", "./adapter", "", ".", "adapter/"] {
        let error = run(&mut engine, case.request(vec![3], Some(name), 1)).end.unwrap_err();
        assert!(matches!(error, ServeError::NoModel { .. }), "{name}: {error}");
    }
}

#[test]
fn an_adapter_takes_the_memory_of_its_numbers() {
    let case = llama();
    let mut engine = case.engine(options().with_adapters(100));
    assert_eq!(engine.adapter_bytes(), 0);
    run(&mut engine, case.request(vec![3], Some("adapter"), 1)).end.unwrap();
    let adapter = ia3::Adapter::load(case.dir.join("adapter"), &case.base).unwrap();
    let each = engine.adapter_bytes() as f64 / 100.0 / (4 * adapter.num_params()) as f64;
    assert!((1.0..=1.01).contains(&each), "{each} times the numbers of the adapter");
}
