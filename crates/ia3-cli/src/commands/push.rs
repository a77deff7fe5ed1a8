//! `ia3 push`.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use ia3::hub::{Hub, RepoId, Upload};
use ia3::io::AdapterFile;
use ia3::io::adapter::BIN;
use ia3_guard::{quote, quote_path};
use serde::Serialize;

use crate::args::{Format, Push};
use crate::output::{self, note};
use crate::progress::Progress;

/// The files of an adapter beside its weights.
const CONFIG: &str = "adapter_config.json";
const CARD: &str = "README.md";

#[derive(Serialize)]
struct Report {
    files: Vec<PathBuf>,
    page: String,
    commit: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files uploaded to {}, commit {}", self.files.len(), self.page, self.commit)
    }
}

/// Uploads a whole and readable adapter, and nothing else of its folder.
pub(crate) fn run(args: &Push, format: Format) -> anyhow::Result<ExitCode> {
    let id = RepoId::parse(&args.name).filter(|id| id.name().contains('/') && id.revision() == "main");
    let id = id.ok_or_else(|| anyhow!("`{}` is no name on the hub; give OWNER/NAME", quote(&args.name)))?;
    let adapter = AdapterFile::open(&args.adapter)?;
    let weights = weights(args, &adapter)?;
    match adapter.config.base_model_name_or_path.as_deref() {
        Some(name) if RepoId::parse(name).is_some() => (),
        name => note(format!(
            "the adapter names the base `{}`, which others cannot find on the hub; `ia3 train --base-name` sets the name",
            quote(name.unwrap_or_default())
        )),
    }
    let has_card = args.adapter.join(CARD).is_file();
    if !has_card {
        note(format!("the folder has no model card, {CARD}"));
    }
    let names = [CONFIG, weights].into_iter().chain(has_card.then_some(CARD));
    let mut upload = Upload::new(names.map(|name| args.adapter.join(name)).collect());
    (upload.message, upload.private) = (args.message.clone(), args.private);
    let waiting = Progress::waiting("uploading");
    let pushed = Hub::from_env().push(&id, &upload)?;
    drop(waiting);
    output::report(&Report { files: upload.files, page: pushed.page, commit: pushed.commit }, format)?;
    Ok(ExitCode::SUCCESS)
}

/// The name of the weights in the folder of the adapter: those that were read.
fn weights<'a>(args: &Push, adapter: &'a AdapterFile) -> anyhow::Result<&'a str> {
    ensure!(
        args.adapter.is_dir(),
        "`{}` is not the folder of an adapter; give the folder with {CONFIG} and the weights",
        quote_path(&args.adapter)
    );
    let name = adapter.path.file_name().and_then(|name| name.to_str()).context("the weights have no name")?;
    if name == BIN {
        note(format!(
            "the weights are a pickle, {BIN}, which not every program reads; `ia3 convert` writes them as safetensors"
        ));
    }
    Ok(name)
}
