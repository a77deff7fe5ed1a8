//! What must be the same for a training to go on, and on every rank.

use std::path::Path;

use ia3::train::TrainConfig;

use super::prepared::Task;
use crate::args::Train;

/// Names and values; of data the hashes.
pub(super) fn facts(
    args: &Train,
    config: &TrainConfig,
    tasks: &[Task],
) -> anyhow::Result<Vec<(String, String)>> {
    let hashed = |data: String| hash(data.as_bytes());
    let adapter = |task: &Task| format!("{} {}", task.adapter.config.to_json(), task.adapter.num_trainable());
    let mut facts = vec![
        ("steps".to_string(), config.steps.to_string()),
        ("batch size".into(), config.batch_size.to_string()),
        ("gradient accumulation".into(), config.gradient_accumulation_steps.to_string()),
        ("learning rate".into(), config.learning_rate.to_string()),
        ("schedule".into(), format!("{:?}", config.schedule)),
        ("optimiser".into(), format!("{:?}", config.optimizer)),
        ("bound of the gradients".into(), format!("{:?}", config.max_grad_norm)),
        ("bucket".into(), config.bucket.to_string()),
        ("seed".into(), config.seed.to_string()),
        ("loss".into(), format!("{:?}", config.loss)),
        ("evaluation".into(), format!("{:?} {:?} {:?}", args.eval_steps, args.patience, args.metric)),
        ("adapter".into(), hashed(tasks.first().map(adapter).unwrap_or_default())),
    ];
    let names: Vec<&str> = tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    if !names.is_empty() {
        // Comes before the data in the order of names, so that it is what a message says.
        facts.push(("choice of tasks".into(), names.join(", ")));
    }
    for task in tasks {
        let of =
            |what: &str| task.name.as_ref().map_or(what.into(), |name| format!("{what} of task `{name}`"));
        facts.push((of("data"), hashed(format!("{:?}", task.data.rows))));
        facts.push((of("held-out data"), hashed(format!("{:?}", task.held_out))));
    }
    facts.push(("base".into(), base(&args.base)?));
    Ok(facts)
}

/// The names, sizes and beginnings (a megabyte) of the files of a base.
fn base(dir: &Path) -> anyhow::Result<String> {
    use std::io::Read;
    let mut files: Vec<_> = std::fs::read_dir(dir)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files
        .retain(|path| path.extension().is_some_and(|e| e == "safetensors") || path.ends_with("config.json"));
    files.sort();
    let mut bytes = vec![];
    for path in files {
        let file = std::fs::File::open(&path)?;
        bytes.extend(format!("{:?} {}", path.file_name(), file.metadata()?.len()).into_bytes());
        file.take(1 << 20).read_to_end(&mut bytes)?;
    }
    Ok(hash(&bytes))
}

/// FNV-1a: the same in every version of every program.
fn hash(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}
