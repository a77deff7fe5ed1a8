//! Folders that cannot be written, files that cannot be read, and tensors that are too large. `DIR` in a message stands for
//! the folder of the case.

use std::fmt::Display;
use std::fs::{self, File, Permissions};
use std::path::Path;

use crate::common::{names, raw};
use burn::tensor::{Device, Tensor};
use ia3_config::{Ia3Config, Placement};
use ia3_core::{Adapter, Ia3Vector};
use ia3_io::{Checkpoint, save_adapter, save_adapters, save_checkpoint};
use ia3_testing::skip;

/// Runs `f` on a folder with `files` in it, and compares the message of its error.
fn refused<T, E: Display>(
    name: &str,
    files: &[(&str, &[u8])],
    f: impl FnOnce(&Path) -> Result<T, E>,
    expected: &str,
) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let before = names(dir.path());
    let Err(error) = f(dir.path()) else { panic!("{name} was accepted") };
    let message = error.to_string().replace(&dir.path().display().to_string(), "DIR");
    assert_eq!(message, expected, "{name}");
    assert_eq!(names(dir.path()), before, "{name} leaves files behind");
}

fn adapter() -> Adapter {
    let l = Tensor::<1>::ones([4], &Device::flex());
    let vectors = [("k".to_string(), Ia3Vector::new(l, Placement::Output))].into();
    Adapter { config: Ia3Config::new(), vectors, saved: [].into() }
}

#[test]
fn targets_that_cannot_be_written() {
    let save = |name: &'static str| move |dir: &Path| save_adapter(&adapter(), dir.join(name));
    refused("a file", &[("x", b"")], save("x"), "`DIR/x` is a file; give a folder to write into");
    refused(
        "inside a file",
        &[("x", b"")],
        save("x/y"),
        "cannot make the folder `DIR/x/y`: Not a directory (os error 20)",
    );
    refused(
        "a folder in the way",
        &[("adapter_config.json/x", b"")],
        save(""),
        "cannot write `DIR/adapter_config.json`: is a directory",
    );
    let names = |names: &'static [&str]| {
        move |dir: &Path| {
            let adapter = adapter();
            let adapters: Vec<_> = names.iter().map(|name| (*name, &adapter)).collect();
            save_adapters(&adapters, dir)
        }
    };
    refused(
        "no name",
        &[],
        names(&["a", ""]),
        "`` is not a valid adapter name: expected a name that is not empty, is not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "a name with a dot",
        &[],
        names(&["a", "v1.0"]),
        "`v1.0` is not a valid adapter name: expected a name that is not empty, is not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "a name outside",
        &[],
        names(&["../a"]),
        "`../a` is not a valid adapter name: expected a name that is not empty, is not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "one name twice",
        &[],
        names(&["a", "a"]),
        "two adapters are named `a`; give each a name of its own",
    );
    refused(
        "a matrix of an unknown layer",
        &[],
        |dir| {
            let data = burn::tensor::TensorData::from([[1f32, 2.], [3., 4.]]);
            let adapter = Adapter { saved: [("classifier.weight".to_string(), data)].into(), ..adapter() };
            save_adapter(&adapter, dir)
        },
        "cannot tell how Hugging Face stores `classifier.weight`: its layer is not known; pass the model's facts in `AdapterOptions::base`",
    );
}

#[cfg(unix)]
fn mode(mode: u32) -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(unix)]
#[test]
fn files_that_must_not_be_touched() {
    if !ia3_testing::unprivileged("file_system::files_that_must_not_be_touched") {
        return;
    }
    refused(
        "unreadable",
        &[("model.safetensors", b"")],
        |dir| {
            fs::set_permissions(dir.join("model.safetensors"), mode(0o000)).unwrap();
            Checkpoint::open(dir)
        },
        "cannot read `DIR/model.safetensors`: Permission denied (os error 13)",
    );
    refused(
        "read-only",
        &[],
        |dir| {
            fs::set_permissions(dir, mode(0o555)).unwrap();
            let result = save_adapter(&adapter(), dir.join("x"));
            fs::set_permissions(dir, mode(0o755)).unwrap();
            result
        },
        "cannot make the folder `DIR/x`: Permission denied (os error 13)",
    );
}

/// A file system of 64 kB, where it can be mounted.
#[cfg(target_os = "linux")]
fn tiny_disk(at: &Path) -> bool {
    let mount = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
    let mounted = std::process::Command::new("mount").args(mount).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let disk = tempfile::tempdir().unwrap();
    if !tiny_disk(disk.path()) {
        return skip("a small file system cannot be mounted; run the test as root");
    }
    let device = Device::flex();
    let big = burn::nn::LinearConfig::new(256, 256).init(&device);
    let linear = Tensor::<1>::ones([1 << 16], &device);
    let vectors = [("k".to_string(), Ia3Vector::new(linear, Placement::Output))].into();
    let adapter = Adapter { vectors, ..adapter() };
    let errors = [
        save_checkpoint(&big, disk.path().join("a")).unwrap_err().to_string(),
        save_adapter(&adapter, disk.path().join("b/c")).unwrap_err().to_string(),
    ];
    let left = names(disk.path());
    std::process::Command::new("umount").arg(disk.path()).status().unwrap();
    let dir = disk.path().display().to_string();
    let messages = errors.map(|error| error.replace(&dir, "DIR"));
    assert_eq!(
        messages,
        [
            "cannot write `DIR/a/model.safetensors`: No space left on device (os error 28)",
            "cannot write `DIR/b/c/adapter_model.safetensors`: No space left on device (os error 28)",
        ]
    );
    assert!(left.is_empty(), "{left:?}");
}

/// A file of 8 TB that takes no space.
#[cfg(target_os = "linux")]
#[test]
fn a_tensor_larger_than_memory() {
    let overcommit = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let text = r#"{"a":{"dtype":"F32","shape":[1099511627776,2],"data_offsets":[0,8796093022208]}}"#;
    fs::write(&path, raw(text, &[])).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    if overcommit.trim() == "1" || file.set_len(8 + text.len() as u64 + (1 << 43)).is_err() {
        return skip("a file of 8 TB cannot be made here, or the system promises more memory than it has");
    }
    let error = Checkpoint::open(&path).unwrap().tensor("a").unwrap_err().to_string();
    let expected =
        format!("the tensor `a` of `{}` does not fit into memory: 2199023255552 values", path.display());
    assert_eq!(error, expected);
}
