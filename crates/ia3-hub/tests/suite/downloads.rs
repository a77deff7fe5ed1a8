//! What is in the cache after a download, and when the hub is asked again.

use std::fs;
use std::thread;

use crate::server::HubServer;
use ia3_hub::{Hub, HubError, Kind};

use super::{WEIGHTS, base_server, fetch, id, settings};

#[test]
fn a_base_is_a_snapshot_in_the_shared_cache() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    let mut told = vec![];
    let hub = Hub::new(settings.clone());
    let fetched = hub.fetch(&id("me/base"), Kind::Base, &mut |at| told.push((at.done, at.total))).unwrap();
    let repo = cache.path().join("models--me--base");
    let commit = server.commit("me/base");
    assert_eq!((&fetched.commit, &fetched.unreachable), (&commit, &None));
    assert_eq!(fetched.folder, repo.join("snapshots").join(&commit));
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), commit);
    assert_eq!(fs::read(fetched.folder.join("model.safetensors")).unwrap(), WEIGHTS);
    assert!(fetched.folder.join("tokenizer.json").exists() && !fetched.folder.join("README.md").exists());
    let total = told.last().unwrap().1;
    assert_eq!(told.last().unwrap().0, total);
    assert_eq!(total, WEIGHTS.len() as u64 + 20 + 2);
    #[cfg(unix)]
    {
        // The hash of git of an empty JSON object, which `git hash-object` prints.
        let link = fs::read_link(fetched.folder.join("tokenizer.json")).unwrap();
        assert_eq!(link.to_str(), Some("../../blobs/9e26dfeeb6e641a33dae4961196235bdb965b21b"));
    }

    server.clear_log();
    assert_eq!(fetch(&settings, "me/base").unwrap(), fetched);
    assert_eq!(server.log(), ["hub GET /api/models/me/base/revision/main"], "only the commit is asked for");
    server.clear_log();
    assert_eq!(fetch(&settings, &format!("me/base@{commit}")).unwrap().folder, fetched.folder);
    assert_eq!(server.log(), [""; 0], "a commit never changes");
}

#[test]
fn a_new_commit_is_downloaded_and_the_old_one_stays() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    let old = fetch(&settings, "me/base").unwrap();
    server.add("me/base", &[("config.json", b"{\"model_type\": \"t5\"} "), ("model.safetensors", WEIGHTS)]);
    server.clear_log();
    let new = fetch(&settings, "me/base").unwrap();
    assert_ne!(new.commit, old.commit);
    assert!(old.folder.join("config.json").exists());
    assert!(!server.log().iter().any(|line| line.starts_with("store GET")), "the weights are the same blob");
}

#[test]
fn the_cache_serves_without_the_hub() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, cache.path());
    settings.offline = true;
    let error = fetch(&settings, "me/base").unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    settings.offline = false;
    let fetched = fetch(&settings, "me/base").unwrap();
    settings.offline = true;
    server.clear_log();
    assert_eq!(fetch(&settings, "me/base").unwrap(), fetched);
    assert_eq!(server.log(), [""; 0]);

    // Nobody listens at the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.offline = false;
    settings.endpoint = Some(format!("http://{gone}"));
    let cached = fetch(&settings, "me/base").unwrap();
    assert_eq!(cached.folder, fetched.folder);
    assert!(cached.unreachable.unwrap().contains("cannot be reached"));
    let error = fetch(&settings, "me/other").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    // Half a snapshot is no base.
    fs::remove_file(fetched.folder.join("model.safetensors")).unwrap();
    assert!(fetch(&settings, "me/base").is_err());
}

#[test]
fn shards_are_those_of_the_index() {
    let (server, cache) = (HubServer::start(), tempfile::tempdir().unwrap());
    let index = br#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    let files: [(&str, &[u8]); 6] = [
        ("config.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("model-00001-of-00002.safetensors", b"one"),
        ("model-00002-of-00002.safetensors", b"two"),
        ("model.fp16-00001-of-00001.safetensors", b"other"),
        ("pytorch_model.bin", b"pickle"),
    ];
    server.add("me/shards", &files);
    let fetched = fetch(&settings(&server, cache.path()), "me/shards").unwrap();
    let mut names: Vec<String> = fs::read_dir(&fetched.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ];
    assert_eq!(names, expected);

    let outside = br#"{"weight_map": {"a": "../../../secret"}}"#;
    server.add("me/shards", &[("config.json", b"{}"), ("model.safetensors.index.json", outside)]);
    let error = fetch(&settings(&server, cache.path()), "me/shards").unwrap_err().to_string();
    assert!(error.contains("is no name of a shard"), "{error}");
}

#[test]
fn several_downloads_at_once_transfer_every_file_once() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    let folders: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| fetch(&settings, "me/base").unwrap().folder)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(folders.iter().all(|folder| folder == &folders[0]));
    assert_eq!(fs::read(folders[0].join("model.safetensors")).unwrap(), WEIGHTS);
    let transfers = server.log().iter().filter(|line| line.starts_with("store GET")).count();
    assert_eq!(transfers, 1);
}
