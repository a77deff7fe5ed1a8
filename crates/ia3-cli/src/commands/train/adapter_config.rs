//! The configuration that the adapters start with, and their initial values.

use anyhow::Context;
use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::io::AdapterFile;
use ia3::models::Model;
use ia3::{Ia3Config, Pretrained, Selector};
use ia3_guard::Limit;

use crate::args::{PresetName, Train};
use crate::commands::{base_model, targets};
use crate::output::note;
use crate::text_file;

/// The configuration that `--adapter` or `--config`, or `--target` and `--feedforward`, describe.
pub(super) fn from_args(args: &Train, model: &Model) -> anyhow::Result<Ia3Config> {
    let base = args.base_name.clone().unwrap_or_else(|| ia3::base_name(&args.base));
    if let Some(dir) = &args.adapter {
        let config = AdapterFile::open(dir)?.config;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    if let Some(path) = &args.config {
        let json = text_file::read(path, Limit::CONFIG)?;
        let config = Ia3Config::from_json(&json).with_context(|| path.display().to_string())?;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    // PEFT has no task for images.
    let task_type = ia3::task_type(model.task()).filter(|_| model.image().is_none());
    let config = Ia3Config { task_type, ..Ia3Config::new() }.with_base_model(base);
    let config = match args.preset {
        Some(PresetName::Chat) => config.with_target_modules(Selector::AllLinear),
        _ => config,
    };
    let config = targets::with(config, &args.targets, args.feedforward.as_deref());
    config.validate()?;
    Ok(config)
}

/// Adds modules that the checkpoint lacks to `modules_to_save`: they start from random values, so they have to be trained
/// and saved with the vectors.
pub(super) fn with_fresh_modules(mut config: Ia3Config, base: &Pretrained) -> Ia3Config {
    for &module in base.config.optional_modules() {
        let fresh = base.report.missing.iter().any(|name| name.starts_with(&format!("{module}.")));
        let saved = config.modules_to_save.get_or_insert_default();
        if fresh && !saved.iter().any(|name| name == module) {
            note(format!(
                "the checkpoint has no `{module}`; it starts from random values and is saved in the adapter"
            ));
            saved.push(module.to_string());
        }
    }
    config
}

/// The adapter with its initial values: those of `--adapter`, or ones. `--kv-only` holds the queries of fused projections
/// at 1.
pub(super) fn initial(
    config: Ia3Config,
    args: &Train,
    base: &Model,
    device: &Device,
) -> anyhow::Result<Adapter> {
    if let Some(dir) = &args.adapter {
        let dirs = std::slice::from_ref(dir);
        let adapter = base_model::finite_adapters(dirs, base, &args.base, device)?.remove(0);
        let name = config.base_model_name_or_path;
        return Ok(Adapter {
            config: Ia3Config { base_model_name_or_path: name, ..adapter.config },
            ..adapter
        });
    }
    let info = base.info();
    let plan = config.plan(&info)?;
    let adapter = Adapter::init(base, &plan);
    Ok(if args.kv_only { adapter.kv_only(&info)? } else { adapter })
}
