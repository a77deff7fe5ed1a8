//! Uploads of an adapter.

use std::fs;
use std::path::PathBuf;

use ia3_hub::{Hub, HubError, Kind, Upload};

use super::{base_server, id, settings};
use crate::server::WRITE_TOKEN;

/// The files of an adapter in a folder.
fn files(dir: &std::path::Path) -> Vec<PathBuf> {
    let write = |(name, bytes): (&str, &[u8])| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    [
        ("adapter_config.json", &b"{\"peft_type\": \"IA3\"}"[..]),
        ("adapter_model.safetensors", &[3; 5_000]),
        ("README.md", "# größe\n".as_bytes()),
    ]
    .map(write)
    .to_vec()
}

#[test]
fn an_adapter_is_uploaded_in_one_commit_and_can_be_fetched() {
    let (server, dir) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, &dir.path().join("cache"));
    settings.token = Some(WRITE_TOKEN.into());
    let hub = Hub::new(settings);
    let mut upload = Upload::new(files(dir.path()));
    let first = hub.push(&id("me/new"), &upload).unwrap();
    assert_eq!(first.page, format!("{}/me/new", server.endpoint()));
    assert_eq!(first.commit, server.commit("me/new"));
    for path in &upload.files {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(server.file("me/new", name).unwrap(), fs::read(path).unwrap(), "{name}");
    }
    for line in server.log() {
        assert_eq!(line.ends_with(" with token"), line.starts_with("hub"), "{line}");
    }

    // The repository and the large file are there already.
    fs::write(&upload.files[2], "# other\n").unwrap();
    upload.message = "again".into();
    server.clear_log();
    let second = hub.push(&id("me/new"), &upload).unwrap();
    assert_ne!(second.commit, first.commit);
    assert!(!server.log().iter().any(|line| line.starts_with("store")), "{:?}", server.log());
    let fetched = hub.fetch(&id("me/new"), Kind::Adapter, &mut |_| ()).unwrap();
    assert_eq!(fetched.commit, second.commit);
    assert_eq!(fs::read(fetched.folder.join("adapter_model.safetensors")).unwrap(), [3; 5_000]);
}

#[test]
fn an_upload_needs_a_token_that_may_write() {
    let (server, dir) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, &dir.path().join("cache"));
    let upload = Upload::new(files(dir.path()));
    let push =
        |settings: &ia3_hub::Settings| Hub::new(settings.clone()).push(&id("me/new"), &upload).unwrap_err();
    assert!(matches!(push(&settings), HubError::NeedsToken { .. }));
    assert_eq!(server.log(), [""; 0]);
    settings.token = Some("hf_read".into());
    let error = push(&settings);
    assert!(matches!(error, HubError::Forbidden { .. }), "{error}");
    assert!(error.to_string().ends_with("use a token with the right to write it"), "{error}");
    settings.offline = true;
    assert!(matches!(push(&settings), HubError::NoUploadOffline { .. }));
    assert_eq!(server.file("me/new", "README.md"), None);
}
