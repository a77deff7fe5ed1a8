//! Adapters that are named as on the hub.

use ia3::hub::{Hub, Settings};
use ia3_serve::{AdapterSources, Engine, ServeError};

use crate::common::{copy_adapter, llama, options, run};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A cache of the hub that holds the adapter `user/name`, and a hub that asks nobody.
fn hub() -> (tempfile::TempDir, Hub) {
    let cache = tempfile::tempdir().unwrap();
    let repo = cache.path().join("models--user--name");
    copy_adapter(&llama().dir.join("adapter_b"), &repo.join("snapshots").join(COMMIT));
    std::fs::create_dir_all(repo.join("refs")).unwrap();
    std::fs::write(repo.join("refs/main"), COMMIT).unwrap();
    let mut settings = Settings::new(cache.path());
    settings.offline = true;
    (cache, Hub::new(settings))
}

#[test]
fn an_adapter_of_the_hub_answers_as_that_of_a_folder_also_in_a_mix() {
    let (_cache, hub) = hub();
    let case = llama();
    let sources = AdapterSources::new(case.dir.clone()).with_hub(hub);
    let mut engine = Engine::new(case.base.clone(), sources, options()).unwrap();
    let mut bits = |name: &str| run(&mut engine, case.request(vec![3, 5, 9], Some(name), 4)).bits();
    let expected = bits("adapter_b");
    assert_eq!(bits("user/name"), expected);
    assert_eq!(bits(&format!("user/name@{COMMIT}")), expected);
    assert_eq!(bits("adapter*user/name"), bits("adapter*adapter_b"));
    let error = run(&mut engine, case.request(vec![3], Some("user/other"), 1)).end.unwrap_err();
    assert!(matches!(&error, ServeError::Adapter { name, .. } if name == "user/other"), "{error}");
}

#[test]
fn without_a_hub_its_names_are_refused_and_paths_are_no_names() {
    let case = llama();
    let mut engine = case.engine(options());
    let mut error = |name: &str| run(&mut engine, case.request(vec![3], Some(name), 1)).end.unwrap_err();
    assert!(matches!(error("user/name@v1"), ServeError::NoHub { name } if name == "user/name@v1"));
    assert!(error("user/name").to_string().contains("--hub-adapters"));
    for path in ["../llama/adapter", "/etc", "a/b/c", "user/", "single"] {
        assert!(matches!(error(path), ServeError::NoModel { .. }), "{path}");
    }
}
