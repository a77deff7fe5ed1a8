//! The configuration that the adapters start with.

use anyhow::Context;
use ia3::{Ia3Config, Pretrained, Task, TaskType};

use crate::args::Train;
use crate::commands::targets;
use crate::output::note;

/// The targets that the arguments name.
pub(super) fn config(args: &Train, task: Task) -> anyhow::Result<Ia3Config> {
    let task = match task {
        Task::Seq2SeqLm => TaskType::Seq2SeqLm,
        Task::CausalLm => TaskType::CausalLm,
        Task::SequenceClassification => TaskType::SeqCls,
    };
    let base = args.base.display().to_string();
    if let Some(path) = &args.config {
        let json =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = Ia3Config::from_json(&json).with_context(|| path.display().to_string())?;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    let config = Ia3Config::new().with_task_type(task).with_base_model(base);
    let config = targets::with(config, &args.targets, args.feedforward.as_deref());
    config.validate()?;
    Ok(config)
}

/// What the checkpoint does not hold is trained and saved with the vectors: it would be another one next time.
pub(super) fn with_fresh_modules(mut config: Ia3Config, base: &Pretrained) -> Ia3Config {
    for &module in base.config.optional_modules() {
        let fresh = base.report.missing.iter().any(|name| name.starts_with(&format!("{module}.")));
        let saved = config.modules_to_save.get_or_insert_default();
        if fresh && !saved.iter().any(|name| name == module) {
            note(format!("`{module}` is not in the checkpoint: it starts fresh and goes into the adapter"));
            saved.push(module.to_string());
        }
    }
    config
}
