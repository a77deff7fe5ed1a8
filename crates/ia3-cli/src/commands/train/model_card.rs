//! The model card of an adapter: PEFT's front matter, the settings of the training, and its results.

use std::ffi::OsStr;
use std::fmt::Write;

use ia3::core::Adapter;
use ia3::train::{OptimizerConfig, Schedule, TrainConfig};
use ia3_guard::quote_code;

use super::report::{Report, TaskReport};
use super::task::Task;

/// The text of `README.md` of a task's adapter. `others` are the names of all tasks of the training.
pub(super) fn model_card(
    adapter: &Adapter,
    config: &TrainConfig,
    (task, others): (&Task, &[String]),
    (result, report): (&TaskReport, &Report),
) -> String {
    let mut text = ia3::io::model_card(adapter);
    text += "\n## Training\n\n```text\n";
    text += &command();
    text += "\n```\n\n| setting | value |\n|---|---|\n";
    for (name, value) in settings(config, task, others) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
    }
    text + &results(adapter, result, report)
}

/// The command of this process, quoted for a shell.
fn command() -> String {
    std::env::args_os()
        .enumerate()
        .map(|(i, word)| if i == 0 { "ia3".into() } else { quoted(&word) })
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=,+@%".contains(c);
    match word.to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.into(),
        Some(word) => format!("'{}'", word.replace('\'', r"'\''")),
        // A path, for example, need not be text. The shells bash, zsh and ksh read this form.
        None => format!("$'{}'", word.as_encoded_bytes().escape_ascii()),
    }
}

fn settings(config: &TrainConfig, task: &Task, others: &[String]) -> Vec<(&'static str, String)> {
    let optimizer = match &config.optimizer {
        OptimizerConfig::AdamW { betas, weight_decay } => {
            format!("AdamW, betas {} and {}, weight decay {weight_decay}", betas.0, betas.1)
        }
        OptimizerConfig::Adafactor { scale_parameter } => {
            format!("Adafactor, {} parameter scaling", if *scale_parameter { "with" } else { "without" })
        }
    };
    let schedule = match config.schedule {
        Schedule::Constant => "constant".to_string(),
        Schedule::Linear { warmup } | Schedule::LinearFromFirst { warmup } => {
            format!("{warmup} steps of warm-up, then linear decay to 0")
        }
    };
    let mut settings = vec![
        ("data", format!("{}, {} rows", quote_code(&task.path.to_string_lossy()), task.data.rows.len())),
        ("batch", format!("{} x {}", config.batch_size, config.gradient_accumulation_steps)),
        ("optimiser", optimizer),
        ("peak learning rate", config.learning_rate.to_string()),
        ("schedule", schedule),
        ("largest gradient norm", config.max_grad_norm.map_or("none".into(), |norm| norm.to_string())),
        ("seed", config.seed.to_string()),
    ];
    if let Some(name) = &task.name {
        let others: Vec<&str> = others.iter().filter(|o| *o != name).map(String::as_str).collect();
        settings.push(("task", format!("{}, trained together with {}", quote_code(name), listed(&others))));
    }
    settings
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "no other".into(),
        names => names.iter().map(|name| quote_code(name)).collect::<Vec<_>>().join(", "),
    }
}

fn results(adapter: &Adapter, result: &TaskReport, report: &Report) -> String {
    let mut text = String::from("\n## Results\n\n| | before | after |\n|---|---|---|\n");
    let TaskReport { first_loss, last_loss, evaluation, .. } = result;
    let _ = writeln!(text, "| training loss, first and last step | {first_loss:.4} | {last_loss:.4} |");
    if let Some(e) = evaluation {
        let _ = writeln!(
            text,
            "| loss on {} held-out rows | {:.4} | {:.4} |",
            e.examples, e.loss_before, e.loss_after
        );
        let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
        let _ = writeln!(text, "| exact match | {before:.1} % | {after:.1} % |");
    }
    // The parameters of the other tasks' adapters do not belong to this one.
    let others = (report.tasks.len() - 1) * adapter.num_params();
    let (trainable, all) = (adapter.num_trainable(), report.all_parameters - others);
    let (steps, seconds) = (report.steps, report.seconds);
    let stopped = if report.stopped_early { "; the training was interrupted" } else { "" };
    let _ = writeln!(
        text,
        "\n{steps} steps in {seconds:.1} s, {trainable} of {all} parameters trained{stopped}."
    );
    let picture = if result.name.is_some() { "../loss.svg" } else { "loss.svg" };
    text + &format!("\n![losses]({picture})\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        let cases =
            [("--lr", "--lr"), ("a b", "'a b'"), ("", "''"), ("it's", r"'it'\''s'"), (".*\\.k", r"'.*\.k'")];
        for (word, expected) in cases {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn words_that_are_not_text_keep_their_bytes() {
        let word: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"/a\xff 'b'");
        assert_eq!(quoted(word), r"$'/a\xff \'b\''");
    }
}
