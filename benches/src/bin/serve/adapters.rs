//! Folders with thousands of adapters.

use std::fs;
use std::path::Path;

use anyhow::Result;
use ia3::core::Adapter;
use tempfile::TempDir;

/// A folder with `count` adapters `a0`, `a1` and so on, whose files are links to those of one adapter. A server reads each by itself.
pub(crate) fn folders(adapter: &Adapter, count: usize) -> Result<TempDir> {
    let dir = tempfile::tempdir()?;
    let first = dir.path().join(name(0));
    ia3::Adapter::from(adapter.clone()).save(&first)?;
    for i in 1..count {
        link(&first, &dir.path().join(name(i)))?;
    }
    Ok(dir)
}

pub(crate) fn name(i: usize) -> String {
    format!("a{i}")
}

fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::hard_link(from.join(file), to.join(file))?;
    }
    Ok(())
}
