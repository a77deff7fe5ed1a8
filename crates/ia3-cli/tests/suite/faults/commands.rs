//! The commands of the table, each with the content that it replaces.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{ia3, workspace};

/// A command that writes to a path.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The words of the command. `OUT` stands for the path, and paths are relative to the repository.
    pub(crate) words: &'static str,
    /// The words of a command that writes other content to the path.
    pub(crate) other: &'static str,
    /// The words of a command that reads the folder. A single file has none: it is that from before or that from after.
    pub(crate) reader: Option<&'static str>,
    /// The files that have to be those from before or those from after, all of them together.
    pub(crate) unit: fn(&str) -> bool,
    /// The files that have to be the same after every run.
    pub(crate) same: fn(&str) -> bool,
}

/// Every file that is not hidden.
fn visible(name: &str) -> bool {
    !name.split('/').any(|part| part.starts_with('.'))
}

/// The adapter of a training. Checkpoints of earlier steps stand beside it while it trains.
fn adapter(name: &str) -> bool {
    ["adapter_config.json", "adapter_model.safetensors"].contains(&name)
}

/// The files of a training without times.
fn without_times(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let with_times =
        ["metrics.jsonl", "loss.svg", "README.md", "trainer_state.json", "SHA256SUMS", "base_hashes.json"];
    visible(name) && !with_times.contains(&file)
}

impl Case {
    const fn file(name: &'static str, words: &'static str, other: &'static str) -> Self {
        Self { name, words, other, reader: None, unit: visible, same: visible }
    }

    const fn folder(name: &'static str, words: &'static str, other: &'static str) -> Self {
        Self { reader: Some("inspect OUT"), ..Self::file(name, words, other) }
    }

    pub(crate) fn command(&self, out: &Path) -> Command {
        command(self.words, out)
    }

    pub(crate) fn other(&self, out: &Path) -> Command {
        command(self.other, out)
    }

    pub(crate) fn reader(&self, out: &Path) -> Option<Command> {
        self.reader.map(|words| command(words, out))
    }
}

fn command(words: &str, out: &Path) -> Command {
    let mut command = ia3();
    command.current_dir(workspace()).args(words.split_whitespace().map(|word| match word {
        "OUT" => out.to_owned(),
        word => PathBuf::from(word),
    }));
    command
}

pub(crate) const MERGE: Case = Case::folder(
    "merge",
    "merge --base fixtures/t5/base --adapter fixtures/t5/adapter --out OUT",
    "merge --base fixtures/t5/base --adapter fixtures/t5/adapter_b --out OUT",
);

pub(crate) const MIX: Case = Case::folder(
    "mix",
    "mix --adapter fixtures/t5/adapter --weight 0.3 --adapter fixtures/t5/adapter_b --weight 0.7 --out OUT",
    "mix --adapter fixtures/t5/adapter_b --weight 0.9 --adapter fixtures/t5/adapter --weight 0.1 --out OUT",
);

pub(crate) const TO_PEFT: Case = Case::folder(
    "convert --to peft",
    "convert fixtures/formats/t5v11/tfew.pt --to peft --site wo --out OUT",
    "convert fixtures/formats/t5v11/tfew.pt --to peft --site wi_1 --out OUT",
);

pub(crate) const TO_TFEW: Case = Case::file(
    "convert --to tfew",
    "convert fixtures/t5v11/adapter --to tfew --base fixtures/t5v11/base/config.json --out OUT",
    "convert fixtures/t5v11/adapter_b --to tfew --base fixtures/t5v11/base/config.json --out OUT",
);

pub(crate) const TO_ADAPTERHUB: Case = Case::folder(
    "convert --to adapterhub",
    "convert fixtures/t5v11/adapter --to adapterhub --base fixtures/t5v11/base/config.json --out OUT",
    "convert fixtures/t5v11/adapter_b --to adapterhub --base fixtures/t5v11/base/config.json --out OUT",
);

pub(crate) const QUANTIZE: Case = Case::folder(
    "quantize",
    "quantize --base examples/base --scheme int8 --out OUT",
    "quantize --base examples/base --scheme int4 --out OUT",
);

pub(crate) const FORWARD: Case = Case::file(
    "forward",
    "forward --base fixtures/t5/base --adapter fixtures/t5/adapter --inputs fixtures/t5/io.safetensors --out OUT",
    "forward --base fixtures/t5/base --inputs fixtures/t5/io.safetensors --out OUT",
);

pub(crate) const GENERATE: Case = Case::file(
    "generate",
    "generate --base examples/base --prompt may --max-new-tokens 4 --out OUT",
    "generate --base examples/base --prompt june --max-new-tokens 3 --out OUT",
);

/// Its other content is an unfinished training with the same settings, which [`super::table`] makes.
pub(crate) const TRAIN: Case = Case {
    unit: adapter,
    same: without_times,
    ..Case::folder(
        "train",
        "train --base examples/base --data examples/data/train.jsonl --steps 3 --batch-size 2 --save-steps 1 \
         --save-total-limit 1 --out OUT",
        "train --base examples/base --data examples/data/train.jsonl --steps 3 --batch-size 2 --save-steps 1 \
         --save-total-limit 3 --out OUT",
    )
};
