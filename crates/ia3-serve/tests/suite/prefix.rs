//! The beginning of a prompt that the cache holds already is not read again, and changes no bit.

use crate::common::{ADAPTERS, decoders, encoder_decoders, llama, options, run, submit};

#[test]
fn a_prompt_that_begins_as_one_before_has_the_same_bits() {
    for case in decoders() {
        let mut engine = case.engine(options().with_rows(2));
        let vocab = case.base.module().vocab_size() as i64;
        let prompt =
            |ends: &[i64]| [&[3, 5, 9, 4, 8], ends].concat().iter().map(|id| id % vocab).collect::<Vec<_>>();
        for (round, ends) in [vec![7], vec![7, 2], vec![], vec![2, 2]].into_iter().enumerate() {
            for adapter in [ADAPTERS[0], ADAPTERS[1]] {
                let request = || case.request(prompt(&ends), adapter, 3);
                let alone = run(&mut case.engine(options()), request());
                let got = run(&mut engine, request());
                assert_eq!(got.bits(), alone.bits(), "{}, round {round}, {adapter:?}", case.name);
                let reused = got.end.unwrap().reused_tokens;
                let expected = [0, 6, 4, 5][round];
                assert_eq!(reused, expected, "{}, round {round}, {adapter:?}", case.name);
            }
        }
    }
}

#[test]
fn a_prompt_is_copied_from_a_row_that_runs() {
    let case = llama();
    let request = |last: i64| case.request(vec![3, 5, 9, 4, 8, last], Some("adapter"), 6);
    let alone = [1, 2].map(|last| run(&mut case.engine(options()), request(last)).bits());
    let mut engine = case.engine(options().with_rows(2));
    let first = submit(&mut engine, request(1));
    engine.step();
    engine.step();
    let second = submit(&mut engine, request(2)).finish(&mut engine);
    assert_eq!(second.end.as_ref().unwrap().reused_tokens, 5);
    assert_eq!((first.finish(&mut engine).bits(), second.bits()), (alone[0].clone(), alone[1].clone()));
    assert_eq!(engine.snapshot().reused_tokens, 5);
}

#[test]
fn an_encoder_decoder_reads_each_prompt_anew_also_in_a_row_that_was_used() {
    for case in encoder_decoders() {
        let mut engine = case.engine(options());
        for prompt in [vec![3, 5, 9, 4, 8, 2], vec![3, 5], vec![3, 5, 9, 4], vec![3, 5, 9, 4]] {
            for adapter in [ADAPTERS[0], ADAPTERS[1]] {
                let request = || case.request(prompt.clone(), adapter, 4);
                let got = run(&mut engine, request());
                assert_eq!(got.bits(), run(&mut case.engine(options()), request()).bits(), "{}", case.name);
                assert_eq!(got.end.unwrap().reused_tokens, 0, "{}", case.name);
            }
        }
    }
}

#[test]
fn another_adapter_and_another_version_of_it_use_nothing_again() {
    let case = llama();
    let folder = crate::common::copy_of_adapters(&case.dir);
    let mut engine =
        ia3_serve::Engine::new(case.base.clone(), Some(folder.path().into()), options()).unwrap();
    let mut reused = |name: Option<&str>| {
        run(&mut engine, case.request(vec![3, 5, 9, 4], name, 2)).end.unwrap().reused_tokens
    };
    assert_eq!((reused(Some("adapter")), reused(Some("adapter"))), (0, 3));
    assert_eq!((reused(None), reused(Some("adapter"))), (0, 0), "there is one slot");
    crate::common::copy_adapter(&case.dir.join("adapter_b"), &folder.path().join("adapter"));
    assert_eq!(
        (reused(Some("adapter")), reused(Some("adapter"))),
        (0, 3),
        "the files of the adapter changed"
    );
}
