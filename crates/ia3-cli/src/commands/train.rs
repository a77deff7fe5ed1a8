use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use burn::tensor::Device;
use ia3::io::{AdapterOptions, IoError};
use ia3::train::{Evaluation, Example, StepReport, evaluate_with, train};
use ia3::{Adapter, Ia3Config, Model, PlanOptions, Selector, Task, TaskType, TrainableParameters};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::model;
use super::settings::settings;
use crate::args::{Format, Train};
use crate::output::{self, note};
use crate::text::Text;

#[derive(Serialize)]
struct Report {
    trainable_parameters: usize,
    all_parameters: usize,
    steps: usize,
    stopped_early: bool,
    first_loss: f32,
    last_loss: f32,
    seconds: f64,
    evaluation: Option<BeforeAfter>,
    bytes: u64,
    out: String,
}

#[derive(Serialize)]
struct BeforeAfter {
    examples: usize,
    loss_before: f64,
    loss_after: f64,
    exact_match_before: f64,
    exact_match_after: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters =
            TrainableParameters { trainable: self.trainable_parameters, all: self.all_parameters };
        writeln!(f, "{parameters}")?;
        let Self { steps, seconds, first_loss, last_loss, .. } = self;
        writeln!(f, "{steps} steps in {seconds:.1} s, loss {first_loss:.4} -> {last_loss:.4}")?;
        if let Some(e) = &self.evaluation {
            let (before, after) = (100.0 * e.exact_match_before, 100.0 * e.exact_match_after);
            writeln!(f, "loss on {} examples {:.4} -> {:.4}", e.examples, e.loss_before, e.loss_after)?;
            writeln!(f, "exact match {before:.1} % -> {after:.1} %")?;
        }
        write!(f, "{} bytes -> {}", self.bytes, self.out)
    }
}

pub(crate) fn run(args: &Train, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.out.is_dir() {
        return Err(IoError::NotAFolder { path: args.out.clone() }.into());
    }
    let model = ia3::read_config(&args.base)?.init(device);
    let config = config(args, model.task())?;
    let reader = Reader { text: Text::open(&args.base)?, model, args };
    let examples = reader.examples(&args.data)?;
    let held_out = args.eval.as_ref().map(|path| reader.examples(path)).transpose()?;
    let base = model::base(&args.base, device)?.model;
    let plan = config.plan(&base.info(), PlanOptions::default())?;
    let adapter = Adapter::init(&base, &plan);
    let adapter = if args.kv_only { adapter.kv_only(&base.info())? } else { adapter };
    let parameters = TrainableParameters::of(&base, &adapter);
    let settings = settings(args);
    let before =
        held_out.as_ref().map(|e| evaluate_with(&base, e, EVAL_BATCH, &settings.loss)).transpose()?;

    let start = Instant::now();
    let stop = on_interrupt()?;
    let bar = Bar::new(settings.steps);
    let (model, trained) = train(ia3::attach(&base, &[&adapter])?, &examples, &settings, &mut |step| {
        bar.show(step);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    bar.finish();
    let seconds = start.elapsed().as_secs_f64();

    let adapter = adapter.extract(&model)?;
    let saved =
        ia3::io::save_adapter(&adapter, &args.out, &AdapterOptions::default().with_base(base.info()))?;
    let after = match trained.stopped {
        true => None,
        false => {
            held_out.as_ref().map(|e| evaluate_with(&model, e, EVAL_BATCH, &settings.loss)).transpose()?
        }
    };
    let report = Report {
        trainable_parameters: parameters.trainable,
        all_parameters: parameters.all,
        steps: trained.losses.len(),
        stopped_early: trained.stopped,
        first_loss: trained.losses.first().copied().unwrap_or(f32::NAN),
        last_loss: trained.losses.last().copied().unwrap_or(f32::NAN),
        seconds,
        evaluation: before.zip(after).map(before_after),
        bytes: saved.bytes,
        out: args.out.display().to_string(),
    };
    output::report(&report, format)?;
    if trained.stopped {
        note("interrupted; what had been learned was saved");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

const EVAL_BATCH: usize = 32;

fn before_after((before, after): (Evaluation, Evaluation)) -> BeforeAfter {
    BeforeAfter {
        examples: before.examples,
        loss_before: before.loss,
        loss_after: after.loss,
        exact_match_before: before.exact_match,
        exact_match_after: after.exact_match,
    }
}

/// The targets that the arguments name.
fn config(args: &Train, task: Task) -> anyhow::Result<Ia3Config> {
    let task = match task {
        Task::Seq2SeqLm => TaskType::Seq2SeqLm,
        Task::CausalLm => TaskType::CausalLm,
        Task::SequenceClassification => {
            bail!("lines of input and target train no classifier; use a text-to-text or a language model")
        }
    };
    let base = args.base.display().to_string();
    if let Some(path) = &args.config {
        let json =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = Ia3Config::from_json(&json).with_context(|| path.display().to_string())?;
        return Ok(Ia3Config { base_model_name_or_path: Some(base), ..config });
    }
    let mut config = Ia3Config::new().with_task_type(task).with_base_model(base);
    if !args.targets.is_empty() {
        config = config.with_target_modules(selector(&args.targets));
    }
    if let Some(feedforward) = &args.feedforward {
        config = config.with_feedforward_modules(selector(feedforward));
    }
    config.validate()?;
    Ok(config)
}

/// One value with a metacharacter other than the dot is a pattern, anything else a list of names.
fn selector(values: &[String]) -> Selector {
    match values {
        [one] if one.contains(['*', '+', '?', '(', '[', '{', '|', '\\', '^', '$']) => one.as_str().into(),
        [one] if one.eq_ignore_ascii_case("all-linear") => Selector::AllLinear,
        _ => values.iter().flat_map(|v| v.split(',')).filter(|v| !v.is_empty()).collect(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    input: String,
    target: String,
}

/// Reads examples as the base takes them.
struct Reader<'a> {
    text: Text,
    /// The base without its weights.
    model: Model,
    args: &'a Train,
}

impl Reader<'_> {
    fn examples(&self, path: &Path) -> anyhow::Result<Vec<Example>> {
        let file =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let example = |(number, line): (usize, &str)| {
            let place = || format!("line {} of {}", number + 1, path.display());
            let line: Line = serde_json::from_str(line).with_context(place)?;
            self.example(&line).with_context(place)
        };
        let lines = file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let examples: Vec<Example> = lines.map(example).collect::<anyhow::Result<_>>()?;
        if examples.is_empty() {
            bail!("{} holds no example; expected lines of {{\"input\": …, \"target\": …}}", path.display())
        }
        Ok(examples)
    }

    fn example(&self, line: &Line) -> anyhow::Result<Example> {
        let Train { max_input_tokens, max_target_tokens, .. } = *self.args;
        let input = self.text.encode_prompt(&line.input, Some(max_input_tokens), &self.model)?;
        if self.model.task() == Task::Seq2SeqLm {
            let target = self.text.encode(&line.target, Some(max_target_tokens))?;
            return Ok(Example { input, target: target.into() });
        }
        // Input and target are one row, which ends once.
        let ends = self.model.generation_config(0).eos_token_id;
        let mut target = self.text.encode_plain(&line.target)?;
        target.truncate(max_target_tokens.saturating_sub(1));
        target.extend(ends.first());
        Ok(Example { input, target: target.into() })
    }
}

/// Set by the first Ctrl-C; a second one ends the process at once.
fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(stop)
}

/// Loss, tokens per second and time left, on standard error.
struct Bar {
    bar: ProgressBar,
    start: Instant,
    tokens: std::cell::Cell<usize>,
}

impl Bar {
    fn new(steps: usize) -> Self {
        let template = "{bar:30} {pos}/{len} {msg} {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps as u64).with_style(style);
        Self { bar, start: Instant::now(), tokens: Default::default() }
    }

    fn show(&self, step: &StepReport) {
        self.tokens.set(self.tokens.get() + step.tokens);
        let rate = self.tokens.get() as f64 / self.start.elapsed().as_secs_f64();
        self.bar.set_message(format!("loss {:.4} {rate:.0} tokens/s", step.loss));
        self.bar.set_position(step.step as u64);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
