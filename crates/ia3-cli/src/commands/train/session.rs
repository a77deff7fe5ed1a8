//! The loop of `ia3 train`: steps, evaluations, checkpoints, and how it ends.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use burn::tensor::Device;
use ia3::io::AdapterOptions;
use ia3::train::{
    Checkpoints, Dataset, Evaluation, Example, Fingerprint, TrainConfig, TrainError, TrainLock, Trainer,
    evaluate_with,
};
use ia3::{Adapter, Model};
use serde::{Deserialize, Serialize};

use super::history::History;
use super::metrics::Metrics;
use super::prepared::Prepared;
use super::progress::Bar;
use crate::args::{MetricName, Train};
use crate::output::note;
use crate::ranks::Ranks;

pub(super) const EVAL_BATCH: usize = 32;

/// What a checkpoint holds beside the state: where the evaluations stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) first_loss: Option<f32>,
    pub(super) last_loss: Option<f32>,
    /// Before training.
    pub(super) before: Option<Score>,
    pub(super) best: Option<Best>,
    /// Evaluations since the best one.
    pub(super) without_gain: usize,
    /// Seconds of all sessions so far.
    pub(super) seconds: f64,
    /// All is done: the steps are through, or patience ran out.
    pub(super) finished: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) exact_match: f64,
    /// Of classes and choices.
    #[serde(default)]
    pub(super) accuracy: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) step: usize,
    pub(super) score: Score,
}

impl From<&Evaluation> for Score {
    fn from(e: &Evaluation) -> Self {
        Self { loss: e.loss, exact_match: e.exact_match, accuracy: e.accuracy }
    }
}

impl Score {
    fn beats(self, other: Self, metric: MetricName) -> bool {
        match metric {
            MetricName::Loss => self.loss < other.loss,
            MetricName::ExactMatch => self.exact_match > other.exact_match,
        }
    }
}

/// A training under way, and where it is kept.
pub(super) struct Session<'a> {
    pub(super) args: &'a Train,
    pub(super) prepared: &'a Prepared,
    pub(super) checkpoints: Checkpoints,
    pub(super) trainer: Trainer<'a>,
    pub(super) progress: Progress,
    ranks: &'a Ranks,
    saved: Option<usize>,
    _lock: TrainLock,
}

impl<'a> Session<'a> {
    /// Takes up the last checkpoint, if there is one and it is wanted, and gives the other ranks what it starts with.
    pub(super) fn open(
        args: &'a Train,
        prepared: &'a Prepared,
        trainer: Trainer<'a>,
        (device, ranks): (&Device, &'a Ranks),
    ) -> anyhow::Result<Self> {
        let mut fingerprint: Fingerprint = prepared.facts.iter().cloned().collect();
        fingerprint.insert("device".into(), format!("{device:?}"));
        let checkpoints = Checkpoints::new(args.out.join("checkpoints"), fingerprint);
        let _lock = checkpoints.lock()?;
        ia3::io::remove_leftovers(&args.out)?;
        let (progress, saved) = (Progress::default(), None);
        let mut session = Self { args, prepared, checkpoints, trainer, progress, ranks, saved, _lock };
        let last = session.checkpoints.steps()?.last().copied();
        match last {
            Some(_) if args.no_resume => session.checkpoints.prune(0, &[])?,
            Some(step) => session.resume(step)?,
            None => (),
        }
        if ranks.size() > 1 {
            super::follow::send(&session.trainer.state()?, ranks);
        }
        Ok(session)
    }

    fn resume(&mut self, step: usize) -> anyhow::Result<()> {
        let checkpoint =
            self.checkpoints.read::<Progress>(step).context("cannot go on; --no-resume starts anew")?;
        self.trainer.restore(&checkpoint.state)?;
        self.progress = checkpoint.progress;
        self.saved = Some(step);
        let steps = self.prepared.settings.steps;
        match self.progress.finished {
            true => note(format!("finished already, at step {step} of {steps}; --no-resume trains anew")),
            false => note(format!("goes on after step {step} of {steps}")),
        }
        Ok(())
    }

    /// Trains to the end; returns whether it was interrupted.
    pub(super) fn run(&mut self, stop: &AtomicBool) -> anyhow::Result<bool> {
        let start = std::time::Instant::now();
        let before = self.progress.seconds;
        let mut metrics = Metrics::open(&self.args.out, self.trainer.steps_done(), before)?;
        if self.progress.before.is_none() {
            self.progress.before = self.evaluate(&self.prepared.base)?.map(|e| Score::from(&e));
        }
        let bar = Bar::new(self.prepared.settings.steps, self.trainer.steps_done());
        while self.goes_on(stop)? {
            let report = match self.trainer.step() {
                Ok(report) => report,
                Err(error) => return Err(self.keep_last_good(error)),
            };
            self.progress.first_loss.get_or_insert(report.loss);
            self.progress.last_loss = Some(report.loss);
            self.progress.seconds = before + start.elapsed().as_secs_f64();
            metrics.step(&report, self.trainer.steps_per_epoch(), self.progress.seconds)?;
            bar.show(&report);
            self.after_step(&mut metrics)?;
        }
        bar.finish();
        let stopped = !self.progress.finished && !self.trainer.is_done();
        if !stopped {
            self.finish()?;
        }
        Ok(stopped)
    }

    /// Whether there is one more step, for all ranks; what an interrupt would lose is saved.
    fn goes_on(&mut self, stop: &AtomicBool) -> anyhow::Result<bool> {
        let over = self.progress.finished || self.trainer.is_done();
        let interrupted = !over && stop.load(Ordering::Relaxed);
        if interrupted {
            self.save()?;
        }
        Ok(self.ranks.go_on(!over && !interrupted))
    }

    fn after_step(&mut self, metrics: &mut Metrics) -> anyhow::Result<()> {
        let step = self.trainer.steps_done();
        let last = self.trainer.is_done();
        let mut wanted = last || (self.args.save_steps > 0 && step.is_multiple_of(self.args.save_steps));
        if self.args.eval_steps.is_some_and(|every| last || step.is_multiple_of(every)) {
            wanted |= self.judge(metrics)?;
        }
        // Known before the checkpoint is written, so that none is ever replaced by another of the same step.
        self.progress.finished |= last;
        wanted |= self.progress.finished;
        if wanted { self.save() } else { Ok(()) }
    }

    /// Evaluates; returns whether it is the best so far.
    fn judge(&mut self, metrics: &mut Metrics) -> anyhow::Result<bool> {
        let Some(score) = self.evaluate(self.trainer.model())?.map(|e| Score::from(&e)) else {
            return Ok(false);
        };
        let step = self.trainer.steps_done();
        metrics.evaluation(step, score)?;
        let best = self.progress.best.is_none_or(|best| score.beats(best.score, self.args.metric));
        if best {
            self.progress.best = Some(Best { step, score });
            self.progress.without_gain = 0;
        } else {
            self.progress.without_gain += 1;
            self.progress.finished = self.args.patience.is_some_and(|p| self.progress.without_gain >= p);
        }
        Ok(best)
    }

    pub(super) fn evaluate(&self, model: &Model) -> anyhow::Result<Option<Evaluation>> {
        let of = |examples| evaluate_with(model, examples, EVAL_BATCH, &self.prepared.settings.loss);
        let evaluation = self.prepared.held_out.as_deref().map(of).transpose()?;
        match &evaluation {
            Some(e) if !e.loss.is_finite() => {
                let step = self.trainer.steps_done();
                bail!(
                    "the loss on the held-out lines is {} after step {step}; lower the learning rate",
                    e.loss
                )
            }
            _ => Ok(evaluation),
        }
    }

    /// The best evaluated step is what is kept; without evaluations the last.
    fn finish(&mut self) -> anyhow::Result<()> {
        let step = self.trainer.steps_done();
        if let Some(best) = self.progress.best.filter(|best| best.step != step) {
            let checkpoint = self.checkpoints.read::<Progress>(best.step)?;
            self.trainer.restore(&checkpoint.state)?;
        }
        Ok(())
    }

    /// Steps made, also where the best of them is an earlier one.
    pub(super) fn steps_done(&self) -> usize {
        self.saved.unwrap_or_default().max(self.trainer.steps_done())
    }

    /// Writes a checkpoint, if there is none of this step.
    fn save(&mut self) -> anyhow::Result<()> {
        let state = self.trainer.state()?;
        if self.checkpoints.steps()?.contains(&state.step) {
            return Ok(());
        }
        self.checkpoints.write(&state, &self.progress, |dir| self.save_adapter(dir).map(|_| ()))?;
        self.saved = Some(state.step);
        let best = self.progress.best.map(|best| best.step);
        Ok(self.checkpoints.prune(self.args.save_total_limit.max(1), best.as_slice())?)
    }

    /// The adapter as it is now.
    pub(super) fn trained(&self) -> anyhow::Result<Adapter> {
        Ok(self.prepared.adapter.extract(self.trainer.model())?)
    }

    /// Draws what the metrics say.
    pub(super) fn draw(&self) -> anyhow::Result<()> {
        let svg = super::plot::svg(&History::read(&self.args.out.join("metrics.jsonl")));
        Ok(ia3::io::write_file(self.args.out.join("loss.svg"), svg.as_bytes())?)
    }

    pub(super) fn save_adapter(&self, dir: &Path) -> anyhow::Result<u64> {
        let adapter = self.trained()?;
        let options = AdapterOptions::default().with_base(self.prepared.base.info());
        Ok(ia3::io::save_adapter(&adapter, dir, &options)?.bytes)
    }

    /// Saves the last state with a finite loss; returns the error with what was done.
    fn keep_last_good(&mut self, error: TrainError) -> anyhow::Error {
        let Some(rows) = error.diverged_at() else { return error.into() };
        let place = super::lines::lines_of(&self.args.data, rows);
        let step = self.trainer.steps_done();
        let later = self.checkpoints.remove_after(step).map_err(anyhow::Error::from);
        let kept = later
            .and_then(|()| self.save())
            .and_then(|()| self.save_adapter(&self.args.out))
            .and_then(|_| self.draw());
        let kept = match kept {
            Ok(_) => format!("the state after step {step} was saved to {}", self.args.out.display()),
            Err(failure) => format!("nothing could be saved: {failure:#}"),
        };
        anyhow::Error::from(error).context(format!("training stopped at {place}; {kept}"))
    }
}

/// What must be the same for a training to go on, and on every rank.
pub(super) fn facts(
    args: &Train,
    config: &TrainConfig,
    adapter: &Adapter,
    (data, held_out): (&Dataset, Option<&[Example]>),
) -> anyhow::Result<Vec<(String, String)>> {
    let hashed = |data: String| hash(data.as_bytes());
    let facts = [
        ("steps", config.steps.to_string()),
        ("batch size", config.batch_size.to_string()),
        ("gradient accumulation", config.gradient_accumulation_steps.to_string()),
        ("learning rate", config.learning_rate.to_string()),
        ("schedule", format!("{:?}", config.schedule)),
        ("optimiser", format!("{:?}", config.optimizer)),
        ("bound of the gradients", format!("{:?}", config.max_grad_norm)),
        ("bucket", config.bucket.to_string()),
        ("seed", config.seed.to_string()),
        ("loss", format!("{:?}", config.loss)),
        ("evaluation", format!("{:?} {:?} {:?}", args.eval_steps, args.patience, args.metric)),
        ("adapter", hashed(format!("{} {}", adapter.config.to_json(), adapter.num_trainable()))),
        ("data", hashed(format!("{:?}", data.rows))),
        ("held-out data", hashed(format!("{held_out:?}"))),
        ("base", base(&args.base)?),
    ];
    Ok(facts.map(|(name, value)| (name.to_string(), value)).to_vec())
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
