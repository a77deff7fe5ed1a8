//! What an engine takes, refuses, bounds and counts.

use burn::tensor::Device;
use ia3::Model;
use ia3_serve::{Engine, Event, Reason, ServeError};
use ia3_testing::fixture;
use tokio::sync::mpsc::unbounded_channel;

use crate::common::{Case, encoder_decoders, llama, options, run, submit, t5};

#[test]
fn a_request_leaves_with_its_last_token_and_another_enters() {
    let case = llama();
    let mut engine = case.engine(options().with_rows(2));
    let mut long = submit(&mut engine, case.request(vec![3, 5], None, 10));
    let short = submit(&mut engine, case.request(vec![7], None, 2));
    let mut next = submit(&mut engine, case.request(vec![9], None, 3));
    engine.step();
    assert_eq!((long.count(), next.count(), engine.snapshot().running), (1, 0, 2));
    short.finish(&mut engine).end.unwrap();
    engine.step();
    assert_eq!(
        (long.count(), next.count()),
        (3, 1),
        "it runs in the step after the one in which a row became free"
    );
    next.finish(&mut engine).end.unwrap();
    assert_eq!(long.finish(&mut engine).end.unwrap().completion_tokens, 10);
    assert!(!engine.step(), "nothing is left to do");
    let snapshot = engine.snapshot();
    assert_eq!((snapshot.running, snapshot.cached_tokens, snapshot.too_long), (0, 0, 3));
    assert_eq!((snapshot.prompt_tokens, snapshot.completion_tokens), (4, 15));
    assert_eq!((snapshot.first_token.count(), snapshot.next_token.count()), (3, 12));
}

#[test]
fn a_long_prompt_is_read_beside_running_rows() {
    let case = llama();
    let mut engine = case.engine(options().with_rows(2).with_pass_tokens(3));
    let mut row = submit(&mut engine, case.request(vec![3], None, 12));
    engine.step();
    let mut prompt = submit(&mut engine, case.request(vec![5; 7], None, 2));
    for step in 1..=3 {
        engine.step();
        assert_eq!((row.count(), prompt.count()), (1 + step, 0), "two tokens of the prompt in each step");
    }
    engine.step();
    assert_eq!((row.count(), prompt.count()), (5, 1));
}

#[test]
fn a_receiver_that_is_gone_frees_the_row_before_the_next_step() {
    let case = llama();
    let mut engine = case.engine(options());
    // While an adapter is read, requests behind enter; this one is in memory.
    run(&mut engine, case.request(vec![3], Some("adapter"), 1)).end.unwrap();
    let row = submit(&mut engine, case.request(vec![3, 5], Some("adapter"), 12));
    let waiting = submit(&mut engine, case.request(vec![4], None, 1));
    let mut next = submit(&mut engine, case.request(vec![6], None, 2));
    engine.step();
    drop((row, waiting));
    engine.step();
    assert_eq!(next.count(), 1);
    assert_eq!(engine.snapshot().abandoned, 1);
}

#[test]
fn the_queue_has_an_end() {
    let case = llama();
    let mut engine = case.engine(options().with_queue(2));
    let _waiting = [1, 2].map(|id| submit(&mut engine, case.request(vec![id], None, 1)));
    let (events, _receiver) = unbounded_channel();
    let error = engine.submit(case.request(vec![3], None, 1), events).unwrap_err();
    assert!(matches!(error, ServeError::Full { waiting: 2 }), "{error}");
}

#[test]
fn requests_that_no_row_can_take_are_refused() {
    let case = llama();
    let mut engine = case.engine(options());
    let mut refused = |prompt: Vec<i64>, new| {
        let (events, _receiver) = unbounded_channel();
        engine.submit(case.request(prompt, None, new), events).unwrap_err().to_string()
    };
    assert_eq!(refused(vec![], 1), "`prompt` has no tokens");
    assert_eq!(
        refused(vec![1; 15], 3),
        "`max_tokens` does not fit: the prompt has 15 tokens, and the answer of up to 3, but a row has room for 16"
    );
    assert!(refused(vec![-1], 1).starts_with("`prompt` holds the id -1, outside the vocabulary of "));
    assert!(refused(vec![1; 17], 1).starts_with("`prompt` does not fit: the prompt has 17 tokens"));
    assert!(refused(vec![1], usize::MAX).starts_with("`max_tokens` does not fit"));
    // The last token is never read, so this fits exactly.
    assert_eq!(run(&mut engine, case.request(vec![1; 15], None, 2)).ids().len(), 2);
}

#[test]
fn a_setting_that_is_not_possible_fails_only_its_request() {
    let case = llama();
    let mut engine = case.engine(options().with_rows(2));
    let row = submit(&mut engine, case.request(vec![3], None, 4));
    let mut bad = case.request(vec![3], None, 4);
    bad.generation = bad.generation.with_repetition_penalty(-1.0);
    let error = run(&mut engine, bad).end.unwrap_err().to_string();
    assert!(error.contains("`repetition_penalty` is -1"), "{error}");
    let mut beams = case.request(vec![3], None, 4);
    beams.generation = beams.generation.with_num_beams(2);
    assert!(run(&mut engine, beams).end.unwrap_err().to_string().contains("`num_beams` is 2"));
    assert_eq!(row.finish(&mut engine).ids().len(), 4);
}

#[test]
fn bases_that_cannot_be_served_are_refused() {
    let device = Device::flex();
    let load = |name: &str| Model::from_pretrained(fixture(name).join("base"), &device).unwrap();
    let new = |base: Model, options| Engine::new(base, None, options).unwrap_err().to_string();
    assert!(new(load("bert"), options()).contains("is no language model of texts"));
    assert!(new(load("whisper"), options()).contains("is no language model of texts"));
    let error = new(load("gpt2"), options().with_tokens(1 << 20));
    assert!(error.contains("the model takes"), "{error}");
    let case = llama();
    let adapter = ia3::Adapter::load(case.dir.join("adapter"), &case.base).unwrap();
    let adapted = case.base.with_adapter(&adapter).unwrap();
    assert!(Engine::new(adapted, None, options()).is_err(), "it carries an adapter already");
    let error = new(case.base, options().with_rows(0));
    assert_eq!(error, "`rows` is 0, expected at least 1");
}

#[test]
fn prompt_and_answer_of_an_encoder_decoder_have_a_row_each() {
    let case = t5();
    let mut engine = case.engine(options());
    let mut refused = |prompt: Vec<i64>, new| {
        let (events, _receiver) = unbounded_channel();
        engine.submit(case.request(prompt, None, new), events).unwrap_err().to_string()
    };
    let problem = "does not fit: the prompt has 17 tokens, and the answer of up to 1, but a row has room for 16 of each";
    assert_eq!(refused(vec![1; 17], 1), format!("`prompt` {problem}"));
    assert!(refused(vec![1; 16], 17).starts_with("`max_tokens` does not fit"));
    // The decoder reads its start token, and not the last one.
    assert_eq!(run(&mut engine, case.request(vec![1; 16], None, 16)).ids().len(), 16);
}

#[test]
fn inputs_of_an_encoder_decoder_are_read_beside_running_rows() {
    for case in encoder_decoders() {
        let mut engine = case.engine(options().with_rows(4).with_pass_tokens(6));
        let mut row = submit(&mut engine, case.request(vec![3], None, 8));
        engine.step();
        let mut inputs = [7, 2, 2].map(|n| submit(&mut engine, case.request(vec![5; n], None, 2)));
        for (step, expected) in [[1, 0, 0], [2, 1, 1]].into_iter().enumerate() {
            engine.step();
            assert_eq!(row.count(), 2 + step, "{}", case.name);
            let counts = inputs.each_mut().map(|input| match input.poll() {
                Some(answer) => answer.tokens.len(),
                None => input.count(),
            });
            assert_eq!(counts, expected, "{}: a long input takes a pass of its own", case.name);
        }
        let snapshot = engine.snapshot();
        assert_eq!((snapshot.prompt_tokens, snapshot.running, snapshot.cache_tokens), (12, 3, 128));
        assert_eq!(snapshot.cached_tokens, (1 + 3) + (2 + 1) + (2 + 1));
    }
}

#[test]
fn memory_is_taken_at_the_start_and_no_more() {
    [llama(), t5()].iter().for_each(memory_is_bounded);
}

fn memory_is_bounded(case: &Case) {
    let mut engine = case.engine(options().with_rows(3));
    let before = engine.cache_bytes();
    assert!(before > 0);
    for request in case.requests() {
        run(&mut engine, request).end.unwrap();
    }
    assert_eq!(engine.cache_bytes(), before);
    let mut twice = case.engine(options().with_rows(6));
    assert_eq!(twice.cache_bytes(), 2 * before);
}

#[test]
fn rows_are_as_many_as_fit_into_memory() {
    for case in [llama(), t5()] {
        let bytes = case.engine(options().with_rows(3)).cache_bytes() as u64;
        let rows = |bytes, most| options().with_memory(&case.base, bytes, most).map(|options| options.rows);
        assert_eq!(
            (rows(bytes, 10).unwrap(), rows(bytes - 1, 10).unwrap(), rows(bytes, 2).unwrap()),
            (3, 2, 2)
        );
        let error = rows(bytes / 3 - 1, 10).unwrap_err().to_string();
        assert!(
            error.starts_with("`max_memory` is ") && error.contains("a row of 16 tokens takes "),
            "{error}"
        );
    }
    let encoder = Model::from_pretrained(fixture("bert").join("base"), &Device::flex()).unwrap();
    let error = options().with_memory(&encoder, 1 << 30, 1).unwrap_err().to_string();
    assert!(error.contains("keeps no keys and values"), "{error}");
}

#[test]
fn an_engine_on_its_thread_answers_and_ends_what_it_has_begun() {
    let case = llama();
    let alone = run(&mut case.engine(options()), case.request(vec![3, 5], Some("adapter"), 10)).ids();
    let (handle, thread) = case.engine(options().with_rows(2)).start().unwrap();
    let mut receivers: Vec<_> =
        (0..5).map(|_| handle.submit(case.request(vec![3, 5], Some("adapter"), 10)).unwrap()).collect();
    handle.end();
    assert!(matches!(handle.submit(case.request(vec![3], None, 1)), Err(ServeError::Ending)));
    for receiver in &mut receivers {
        let mut ids = vec![];
        loop {
            match receiver.blocking_recv().expect("an end comes before the engine ends") {
                Event::Token(token) => ids.push(token.id),
                Event::End(end) => break assert_eq!(end.reason, Reason::Length),
                Event::Failed(error) => panic!("{error}"),
            }
        }
        assert_eq!(ids, alone);
    }
    thread.join().unwrap();
    assert_eq!(handle.snapshot().completion_tokens, 50);
    assert_eq!(handle.snapshot().waiting, 0);
}

#[test]
fn a_handle_bounds_what_waits() {
    let case = llama();
    let (handle, thread) = case.engine(options().with_queue(1)).start().unwrap();
    let all: Vec<_> = (0..200).map(|_| handle.submit(case.request(vec![3], None, 12))).collect();
    assert!(all.iter().any(|result| matches!(result, Err(ServeError::Full { .. }))));
    drop(all);
    handle.end();
    thread.join().unwrap();
    assert_eq!(handle.snapshot().waiting, 0);
}
