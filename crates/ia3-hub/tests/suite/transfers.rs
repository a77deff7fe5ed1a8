//! Transfers that break, and files that are not what the hub names.

use std::fs;

use crate::server::SendFault;
use ia3_hub::HubError;

use super::{WEIGHTS, base_server, fetch, incomplete, settings};

const FILE: &str = "model.safetensors";

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    server.set_fault(FILE, SendFault::Break(20_000, 2));
    let fetched = fetch(&settings(&server, cache.path()), "me/base").unwrap();
    assert_eq!(fs::read(fetched.folder.join(FILE)).unwrap(), WEIGHTS);
    let gets: Vec<String> = server.log().into_iter().filter(|line| line.starts_with("store GET")).collect();
    let starts: Vec<&str> = gets.iter().map(|line| line.split(" from ").nth(1).unwrap_or("0")).collect();
    assert_eq!(starts, ["0", "20000", "40000"]);
    assert!(incomplete(cache.path()).is_empty());
}

#[test]
fn a_later_run_goes_on_too() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    server.set_fault(FILE, SendFault::Break(0, 100));
    let error = fetch(&settings, "me/base").unwrap_err();
    assert!(matches!(error, HubError::Broken { received: 0, size: 50_000, .. }), "{error}");
    let folder = cache.path().join("models--me--base/snapshots").join(server.commit("me/base"));
    assert!(!folder.join(FILE).exists() && !cache.path().join("models--me--base/refs/main").exists());
    // As if the process had been killed after some bytes.
    let part = incomplete(cache.path()).remove(0);
    fs::write(&part, &WEIGHTS[..30_000]).unwrap();
    server.set_fault(FILE, SendFault::Break(usize::MAX, 1));
    server.clear_log();
    fetch(&settings, "me/base").unwrap();
    let get = server.log().into_iter().find(|line| line.starts_with("store GET")).unwrap();
    assert!(get.ends_with(" from 30000"), "{get}");
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), WEIGHTS);
}

#[test]
fn what_an_earlier_run_left_may_be_wrong() {
    for left in [vec![9; 30_000], vec![9; 50_000], vec![9; 60_000]] {
        let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
        let settings = settings(&server, cache.path());
        server.set_fault(FILE, SendFault::Break(0, 100));
        assert!(fetch(&settings, "me/base").is_err());
        fs::write(incomplete(cache.path()).remove(0), &left).unwrap();
        server.set_fault(FILE, SendFault::Break(usize::MAX, 1));
        let fetched = fetch(&settings, "me/base").unwrap();
        assert_eq!(fs::read(fetched.folder.join(FILE)).unwrap(), WEIGHTS, "{} bytes were left", left.len());
    }
}

#[test]
fn a_server_without_ranges_sends_the_whole_file() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    server.set_fault(FILE, SendFault::Break(0, 100));
    assert!(fetch(&settings, "me/base").is_err());
    fs::write(incomplete(cache.path()).remove(0), &WEIGHTS[..10]).unwrap();
    server.set_fault(FILE, SendFault::NoRange);
    let fetched = fetch(&settings, "me/base").unwrap();
    assert_eq!(fs::read(fetched.folder.join(FILE)).unwrap(), WEIGHTS);
}

#[test]
fn other_content_than_the_hub_names_is_refused_and_deleted() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    for file in ["config.json", FILE] {
        server.set_fault(file, SendFault::Change(1));
        let error = fetch(&settings, "me/base").unwrap_err();
        assert!(matches!(&error, HubError::WrongContent { file: found, .. } if found == file), "{error}");
        assert!(incomplete(cache.path()).is_empty());
    }
    let fetched = fetch(&settings, "me/base").unwrap();
    assert_eq!(fs::read(fetched.folder.join(FILE)).unwrap(), WEIGHTS);
}

#[test]
fn a_busy_server_is_asked_again() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    server.set_fault(FILE, SendFault::Busy(2));
    fetch(&settings, "me/base").unwrap();
}
