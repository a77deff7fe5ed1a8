//! `ia3 eval`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::train::{Evaluation, Evaluator, Example, LossConfig, Quartiles};
use ia3_guard::quote;
use serde::Serialize;

use super::example_reader::Reader;
use super::{base_config, base_model, eval_metrics};
use crate::args::{Eval, Format};
use crate::output;
use crate::predictions::{PredictionFile, Source};
use crate::progress::Progress;

#[derive(Serialize)]
struct Report {
    examples: usize,
    /// `accuracy` for classes and choices, `exact_match` for generated texts, `f1` for classes of words, for several classes
    /// per row and for spans, `pearson` for numbers.
    metric: &'static str,
    runs: Vec<Run>,
    /// The median of the metric over all runs.
    median: f64,
    lower_quartile: f64,
    upper_quartile: f64,
}

/// The evaluation of one adapter with one template.
#[derive(Serialize)]
struct Run {
    adapter: Option<String>,
    template: Option<String>,
    loss: f64,
    score: f64,
    /// The figures of `--metrics`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    figures: BTreeMap<&'static str, f64>,
}

pub(crate) fn run(args: &Eval, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let folders = folders(args)?;
    let first: Vec<PathBuf> = folders.iter().flatten().take(1).map(PathBuf::from).collect();
    let config = base_config::with_head(&args.base, &args.head, &first)?;
    let reader = Reader::new(&args.base, &config, &config.init(device), &args.rows, args.seed)?;
    let rows = reader.rows(&args.data)?;
    let mut predictions = args.predictions.as_deref().map(PredictionFile::create).transpose()?;
    let base = base_model::load_as(&args.base, config, args.keep_quantized, device)?;
    let mut runs: Vec<Run> = vec![];
    let mut metric = None;
    for folder in folders {
        let dirs: Vec<PathBuf> = folder.iter().map(PathBuf::from).collect();
        let adapters = base_model::adapters(&dirs, &base.model, &args.base, device)?;
        base_model::note_fresh(&base, &adapters);
        let adapted = ia3::attach(&base.model, &adapters.iter().collect::<Vec<&Adapter>>())?;
        for (place, template) in reader.templates().into_iter().enumerate() {
            let (examples, numbers) = reader.examples(&rows, place);
            let source =
                Source { row: 0, task: None, adapter: folder.as_deref(), template: template.as_deref() };
            let evaluation = evaluate(&adapted, &examples, (args, reader.label_names()), |rows, batch| {
                let Some(file) = &mut predictions else { return Ok(()) };
                let answer = |(place, &example): (usize, &usize)| {
                    let source = Source { row: numbers[example] + 1, ..source };
                    reader.texts().answer(source, &examples[example], (batch, place)).transpose()
                };
                file.write(&rows.iter().enumerate().filter_map(answer).collect::<Result<Vec<_>, _>>()?)
            })?;
            let found = evaluation.metric.as_str();
            if *metric.get_or_insert(found) != found {
                let name = |template: Option<&String>| template.cloned().unwrap_or_default();
                let first = name(runs.first().and_then(|run| run.template.as_ref()));
                let this = name(template.as_ref());
                bail!(
                    "template `{this}` has answers of another kind than `{first}`; evaluate them separately"
                )
            }
            let (loss, score) = (evaluation.loss, evaluation.score);
            note_loss(loss, rows.len(), folder.as_deref());
            let figures = eval_metrics::of(&args.metrics, &reader.texts(), (&examples, &evaluation))?;
            runs.push(Run { adapter: folder.clone(), template, loss, score, figures });
        }
    }
    output::report(&report(rows.len(), metric.unwrap_or("exact_match"), runs)?, format)?;
    Ok(ExitCode::SUCCESS)
}

/// Notes a loss that is not finite.
fn note_loss(loss: f64, rows: usize, adapter: Option<&str>) {
    if !loss.is_finite() {
        let model = adapter.map_or("the base".to_string(), |adapter| format!("`{}`", quote(adapter)));
        output::note(format!(
            "the loss of {model} over {rows} rows is {loss}: the logits are not finite, and the scores mean nothing"
        ));
    }
}

/// Evaluates the examples and shows the progress. `on_batch` gets the answers of each batch.
fn evaluate(
    model: &Model,
    examples: &[Example],
    (args, label_names): (&Eval, &[String]),
    mut on_batch: impl FnMut(&[usize], &Evaluation) -> anyhow::Result<()>,
) -> anyhow::Result<Evaluation> {
    let loss = LossConfig::new().with_length_norm(args.length_norm);
    let evaluator = Evaluator::new(model).with_label_names(label_names);
    let evaluator = evaluator.with_batch_size(args.batch_size).with_loss(loss);
    let progress = Progress::of("evaluating", examples.len(), 0, "rows");
    let (mut done, mut seen, mut hits, mut written) = (0, 0, 0.0, Ok(()));
    let evaluation = evaluator.run_with(examples, |rows, batch| {
        done += rows.len();
        seen += batch.examples;
        hits += batch.exact_match * batch.examples as f64;
        progress.set(done, &format!("{:.1} % right so far", 100.0 * hits / seen.max(1) as f64));
        if written.is_ok() {
            written = on_batch(rows, batch);
        }
    })?;
    written?;
    Ok(evaluation)
}

fn report(examples: usize, metric: &'static str, runs: Vec<Run>) -> anyhow::Result<Report> {
    let scores: Vec<f64> = runs.iter().map(|run| run.score).collect();
    let Some(Quartiles { lower, median, upper }) = Quartiles::of(&scores) else {
        bail!("the data have no rows to evaluate")
    };
    Ok(Report { examples, metric, runs, median, lower_quartile: lower, upper_quartile: upper })
}

/// The adapters, with the seeds in place of `{seed}`. `None` stands for the base alone.
fn folders(args: &Eval) -> anyhow::Result<Vec<Option<String>>> {
    let mut folders = vec![];
    for folder in &args.adapters {
        match (folder.contains("{seed}"), args.seeds.as_slice()) {
            (false, []) => folders.push(Some(folder.clone())),
            (true, []) => bail!("`{folder}` contains {{seed}}; give the seeds with --seeds"),
            (false, _) => bail!(
                "`{folder}` does not contain {{seed}}, which --seeds needs; write {{seed}} in place of the seed"
            ),
            (true, seeds) => {
                let fill = |seed: &u64| Some(folder.replace("{seed}", &seed.to_string()));
                folders.extend(seeds.iter().map(fill));
            }
        }
    }
    Ok(if folders.is_empty() { vec![None] } else { folders })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric.replace('_', " ");
        writeln!(f, "{} examples\n\n{metric:>12} {:>9}  adapter, template", self.examples, "loss")?;
        for Run { adapter, template, loss, score, figures } in &self.runs {
            let names = [Some(adapter.as_deref().unwrap_or("the base")), template.as_deref()];
            let names = names.into_iter().flatten().map(quote).collect::<Vec<_>>().join(", ");
            writeln!(f, "{:10.1} % {loss:9.4}  {names}", 100.0 * score)?;
            figures.iter().try_for_each(|(name, value)| writeln!(f, "{:24}{name} {value:.4}", ""))?;
        }
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let (lower, upper) = (percent(self.lower_quartile), percent(self.upper_quartile));
        write!(
            f,
            "\nmedian {}, quartiles {lower} and {upper}, over {} evaluations",
            percent(self.median),
            self.runs.len()
        )
    }
}
