//! The model card: PEFT's front matter, and what was trained on what, with what result.

use std::fmt::Write;

use ia3::Adapter;
use ia3::train::{OptimizerConfig, Schedule, TrainConfig};

use super::report::Report;
use crate::args::Train;

/// The text of `README.md`.
pub(super) fn card(
    adapter: &Adapter,
    args: &Train,
    config: &TrainConfig,
    rows: usize,
    report: &Report,
) -> String {
    let mut text = ia3::io::model_card(adapter);
    text += "\n## Training\n\n```text\n";
    text += &command();
    text += "\n```\n\n| setting | value |\n|---|---|\n";
    for (name, value) in settings(args, config, rows) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
    }
    text + &results(report)
}

/// The command as a shell takes it.
fn command() -> String {
    std::env::args()
        .enumerate()
        .map(|(i, word)| if i == 0 { "ia3".into() } else { quoted(word) })
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn settings(args: &Train, config: &TrainConfig, rows: usize) -> Vec<(&'static str, String)> {
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
            format!("{warmup} steps of warm-up, then linearly to 0")
        }
    };
    vec![
        ("data", format!("`{}`, {rows} rows", args.data.display())),
        ("batch", format!("{} x {}", config.batch_size, config.gradient_accumulation_steps)),
        ("optimiser", optimizer),
        ("peak learning rate", config.learning_rate.to_string()),
        ("schedule", schedule),
        ("bound of the gradients' norm", config.max_grad_norm.map_or("none".into(), |norm| norm.to_string())),
        ("seed", config.seed.to_string()),
    ]
}

fn results(report: &Report) -> String {
    let mut text = String::from("\n## Results\n\n| | before | after |\n|---|---|---|\n");
    let Report { first_loss, last_loss, steps, seconds, .. } = report;
    let _ = writeln!(text, "| training loss, first and last step | {first_loss:.4} | {last_loss:.4} |");
    if let Some(e) = &report.evaluation {
        let _ = writeln!(
            text,
            "| loss on {} held-out rows | {:.4} | {:.4} |",
            e.examples, e.loss_before, e.loss_after
        );
        let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
        let _ = writeln!(text, "| exact match | {before:.1} % | {after:.1} % |");
    }
    let (trainable, all) = (report.trainable_parameters, report.all_parameters);
    let stopped = if report.stopped_early { "; interrupted" } else { "" };
    let _ = writeln!(
        text,
        "\n{steps} steps in {seconds:.1} s, {trainable} of {all} parameters trained{stopped}."
    );
    text + "\n![losses](loss.svg)\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        let cases =
            [("--lr", "--lr"), ("a b", "'a b'"), ("", "''"), ("it's", r"'it'\''s'"), (".*\\.k", r"'.*\.k'")];
        for (word, expected) in cases {
            assert_eq!(quoted(word.into()), expected);
        }
    }
}
