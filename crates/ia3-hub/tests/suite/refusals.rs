//! Repositories that are not there or may not be read.

use crate::server::Access;
use ia3_hub::{Hub, HubError, Kind};

use super::{base_server, fetch, id, settings};

#[test]
fn what_is_missing_is_named() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, cache.path());
    let error = fetch(&settings, "me/nothing").unwrap_err();
    assert!(matches!(error, HubError::Unauthorized { token: false, .. }), "{error}");
    assert!(
        error.to_string().contains("no folder `me/nothing`") && error.to_string().contains("HF_TOKEN"),
        "{error}"
    );
    settings.token = Some("hf_any".into());
    let error = fetch(&settings, "me/nothing").unwrap_err();
    assert!(matches!(error, HubError::NoRepository { .. }), "{error}");
    let error = fetch(&settings, "me/base@v9").unwrap_err().to_string();
    assert_eq!(
        error,
        "the repository `me/base` has no revision `v9` (404); name a branch, a tag or a commit after the `@`"
    );
    let error = Hub::new(settings).fetch(&id("me/base"), Kind::Adapter, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("is no adapter: it has no adapter_config.json"), "{error}");
    assert!(!cache.path().join("models--me--nothing").exists(), "nothing is left of a failure");
}

#[test]
fn private_and_gated_repositories_need_their_token_which_only_the_hub_gets() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, cache.path());
    server.set_access("me/base", Access::Gated("hf_good"));
    let error = fetch(&settings, "me/base").unwrap_err();
    assert!(matches!(error, HubError::Gated { status: 401, token: false, .. }), "{error}");
    assert!(error.to_string().contains(&format!("{}/me/base", server.endpoint())), "{error}");
    settings.token = Some("hf_other".into());
    let error = fetch(&settings, "me/base").unwrap_err();
    assert!(matches!(error, HubError::Gated { status: 403, token: true, .. }), "{error}");
    server.set_access("me/base", Access::Private("hf_good"));
    assert!(matches!(fetch(&settings, "me/base").unwrap_err(), HubError::Unauthorized { token: true, .. }));
    settings.token = Some("hf_good".into());
    settings.implicit_token = false;
    assert!(matches!(fetch(&settings, "me/base").unwrap_err(), HubError::Unauthorized { token: false, .. }));
    settings.implicit_token = true;
    server.clear_log();
    fetch(&settings, "me/base").unwrap();
    for line in server.log() {
        assert_eq!(line.ends_with(" with token"), line.starts_with("hub"), "{line}");
    }
}

#[test]
fn a_renamed_repository_is_found_under_its_old_name() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    server.rename("me/old", "me/base");
    let fetched = fetch(&settings(&server, cache.path()), "me/old").unwrap();
    assert!(fetched.folder.starts_with(cache.path().join("models--me--old")));
    assert!(fetched.folder.join("model.safetensors").exists());
}

#[test]
fn a_server_that_is_no_hub_is_named() {
    let (server, cache) = (base_server(), tempfile::tempdir().unwrap());
    let mut settings = settings(&server, cache.path());
    settings.endpoint = Some(format!("{}/elsewhere", server.endpoint()));
    assert!(fetch(&settings, "me/base").is_err());
    settings.endpoint = Some("no address".into());
    let error = fetch(&settings, "me/base").unwrap_err().to_string();
    assert!(error.contains("HF_ENDPOINT"), "{error}");
}
