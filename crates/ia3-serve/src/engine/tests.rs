//! Adapters that take long to read, or change meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use ia3::{Device, Model};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// An engine for the tiny Llama, and its folder.
fn engine(adapters: &Path) -> Engine {
    let base = Model::from_pretrained(llama().join("base"), &Device::flex()).unwrap();
    let options = EngineOptions::new().with_rows(2).with_tokens(32).with_adapters(2);
    Engine::new(base, Some(adapters.to_owned()), options).unwrap()
}

fn llama() -> PathBuf {
    ia3_testing::fixture("llama")
}

/// The same engine, which reads an adapter after something is sent.
fn slow_engine() -> (Engine, Sender<()>) {
    let mut engine = engine(&llama());
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let base = engine.base.clone();
    engine.residents.before_reading(&base, move || wait.lock().unwrap().recv().unwrap());
    (engine, go)
}

fn request(engine: &Engine, adapter: Option<&str>, new: usize) -> Request {
    let config = engine.model.generation_config(new).with_min_new_tokens(new);
    Request::new(vec![3, 5, 9], config).with_adapter(adapter.map(str::to_string))
}

fn submit(engine: &mut Engine, adapter: Option<&str>, new: usize) -> UnboundedReceiver<Event> {
    let (events, receiver) = unbounded_channel();
    engine.submit(request(engine, adapter, new), events).unwrap();
    receiver
}

/// The ids that have come, and the end if it has.
fn ids(receiver: &mut UnboundedReceiver<Event>) -> (Vec<i64>, Option<Result<End, ServeError>>) {
    let mut ids = vec![];
    loop {
        match receiver.try_recv() {
            Ok(Event::Token(token)) => ids.push(token.id),
            Ok(Event::End(end)) => return (ids, Some(Ok(end))),
            Ok(Event::Failed(error)) => return (ids, Some(Err(error))),
            Err(_) => return (ids, None),
        }
    }
}

fn alone(adapter: &str, new: usize) -> Vec<i64> {
    let mut engine = engine(&llama());
    let mut receiver = submit(&mut engine, Some(adapter), new);
    while engine.step() {}
    ids(&mut receiver).0
}

#[test]
fn rows_get_tokens_while_an_adapter_is_read_and_others_enter() {
    let (mut engine, go) = slow_engine();
    let mut row = submit(&mut engine, None, 8);
    let mut slow = submit(&mut engine, Some("adapter"), 4);
    let mut behind = submit(&mut engine, None, 2);
    (0..3).for_each(|_| assert!(engine.step()));
    assert_eq!(ids(&mut row).0.len(), 3);
    assert!(matches!(ids(&mut behind).1, Some(Ok(_))), "it does not wait for the one before it");
    assert_eq!((ids(&mut slow).0.len(), engine.snapshot().adapter_loads), (0, 0));
    go.send(()).unwrap();
    while engine.step() {}
    assert_eq!(ids(&mut slow).0, alone("adapter", 4));
    assert_eq!(ids(&mut row).0.len(), 5);
}

#[test]
fn a_thread_that_waits_for_an_adapter_takes_requests_and_ends_when_all_are_answered() {
    let (engine, go) = slow_engine();
    let (slow, row) = (request(&engine, Some("adapter"), 4), request(&engine, None, 4));
    let (handle, thread) = engine.start().unwrap();
    let mut slow = handle.submit(slow).unwrap();
    let mut row = handle.submit(row).unwrap();
    let mut tokens = 0;
    while let Some(event) = row.blocking_recv() {
        assert!(!matches!(event, Event::Failed(_)), "{event:?}");
        tokens += usize::from(matches!(event, Event::Token(_)));
    }
    assert_eq!((tokens, ids(&mut slow).0.len()), (4, 0));
    drop(handle);
    go.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(ids(&mut slow).0, alone("adapter", 4));
}

/// A folder with one adapter, and an engine before each of whose reads `happens` is called with the number of reads so far.
fn changing(happens: impl Fn(usize, &Path) + Send + Sync + 'static) -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("adapter");
    std::fs::create_dir(&folder).unwrap();
    copy("adapter", &folder);
    let mut engine = engine(dir.path());
    let (base, reads) = (engine.base.clone(), AtomicUsize::new(0));
    engine.residents.before_reading(&base, move || happens(reads.fetch_add(1, Ordering::Relaxed), &folder));
    (dir, engine)
}

/// Replaces the files of an adapter by other files, as a rename does.
fn copy(from: &str, to: &Path) {
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(llama().join(from).join(file), to.join("new")).unwrap();
        std::fs::rename(to.join("new"), to.join(file)).unwrap();
    }
}

#[test]
fn an_adapter_that_changes_while_it_is_read_is_read_once_more() {
    let (_dir, mut engine) = changing(|reads, folder| {
        if reads == 0 {
            copy("adapter_b", folder);
        }
    });
    let mut receiver = submit(&mut engine, Some("adapter"), 4);
    while engine.step() {}
    assert_eq!(ids(&mut receiver).0, alone("adapter_b", 4));
    let (_dir, mut engine) = changing(|_, folder| copy("adapter_b", folder));
    let mut receiver = submit(&mut engine, Some("adapter"), 4);
    while engine.step() {}
    let (_, Some(Err(error))) = ids(&mut receiver) else { panic!("it is answered") };
    assert!(error.to_string().contains("its files changed while they were read"), "{error}");
}

#[test]
fn a_place_is_kept_for_the_adapter_that_is_being_read() {
    let (mut engine, go) = slow_engine();
    let mut first = submit(&mut engine, Some("adapter"), 2);
    let mut second = submit(&mut engine, Some("adapter_b"), 2);
    let mut third = submit(&mut engine, Some("adapter_alt"), 2);
    let mut row = submit(&mut engine, None, 2);
    go.send(()).unwrap();
    go.send(()).unwrap();
    engine.step();
    assert_eq!(ids(&mut row).0.len(), 0, "it is behind one that waits for a place");
    go.send(()).unwrap();
    while engine.step() {}
    for (receiver, adapter) in
        [(&mut first, "adapter"), (&mut second, "adapter_b"), (&mut third, "adapter_alt")]
    {
        assert_eq!(ids(receiver).0, alone(adapter, 2));
    }
    assert_eq!(ids(&mut row).0.len(), 2);
    assert_eq!((engine.snapshot().adapter_loads, engine.snapshot().adapter_evictions), (3, 1));
}
