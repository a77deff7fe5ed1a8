//! The loop of `ia3 train`: steps, evaluations, checkpoints, and how it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow};
use burn::tensor::Device;
use ia3::train::{Checkpoints, Evaluation, Fingerprint, TrainLock, Trainer};

use super::evaluate::{evaluate_adapters, evaluate_base};
use super::metrics::Metrics;
use super::prepared::Prepared;
use super::progress::Bar;
use super::standing::{Best, Score, Standing};
use super::tasks::in_task;
use crate::args::Train;
use crate::output::note;
use crate::ranks::{Order, Ranks};

/// A training under way, and where it is kept.
pub(super) struct Session<'a> {
    pub(super) args: &'a Train,
    pub(super) prepared: &'a Prepared,
    pub(super) checkpoints: Checkpoints,
    pub(super) trainer: Trainer<'a>,
    pub(super) standing: Standing,
    ranks: &'a Ranks,
    /// The step of the last checkpoint.
    pub(super) saved: Option<usize>,
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
        fingerprint.insert("device", format!("{device:?}"));
        let checkpoints = Checkpoints::new(args.out.join("checkpoints"), fingerprint);
        let _lock = checkpoints.lock()?;
        ia3::io::remove_leftovers(&args.out)?;
        prepared.tasks.iter().try_for_each(|task| ia3::io::remove_leftovers(task.folder(&args.out)))?;
        let (standing, saved) = (Standing::default(), None);
        let mut session = Self { args, prepared, checkpoints, trainer, standing, ranks, saved, _lock };
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
            self.checkpoints.read::<Standing>(step).context("cannot go on; --no-resume starts anew")?;
        self.trainer.restore(&checkpoint.state)?;
        self.standing = checkpoint.progress;
        self.saved = Some(step);
        let steps = self.prepared.settings.steps;
        match self.standing.finished {
            true => note(format!("finished already, at step {step} of {steps}; --no-resume trains anew")),
            false => note(format!("goes on after step {step} of {steps}")),
        }
        Ok(())
    }

    /// Trains to the end; returns whether it was interrupted.
    pub(super) fn run(&mut self, stop: &AtomicBool) -> anyhow::Result<bool> {
        let start = Instant::now();
        let before = self.standing.seconds;
        let mut metrics =
            Metrics::open(&self.args.out, self.prepared.names(), self.trainer.steps_done(), before)?;
        if self.standing.before.is_none() {
            let scores = self.evaluate_base()?;
            self.standing.before = Some(scores.iter().map(|e| e.as_ref().map(Score::from)).collect());
        }
        let bar = Bar::new(self.prepared.settings.steps, self.trainer.steps_done());
        while self.goes_on(stop)? {
            let report = match self.trainer.step() {
                Ok(report) => report,
                Err(error) => return Err(self.keep_last_good(error)),
            };
            self.standing.step(&report, before + start.elapsed().as_secs_f64());
            metrics.step(&report, self.trainer.steps_per_epoch(), self.standing.seconds)?;
            bar.show(&report);
            self.after_step(&mut metrics)?;
        }
        bar.finish();
        let stopped = !self.standing.finished && !self.trainer.is_done();
        if !stopped {
            self.finish()?;
        }
        Ok(stopped)
    }

    /// Whether there is one more step, for all ranks; what an interrupt would lose is saved.
    fn goes_on(&mut self, stop: &AtomicBool) -> anyhow::Result<bool> {
        let over = self.standing.finished || self.trainer.is_done();
        let interrupted = !over && stop.load(Ordering::Relaxed);
        if interrupted {
            self.save()?;
        }
        let goes_on = !over && !interrupted;
        if goes_on {
            self.ranks.next(Order::Step);
        }
        Ok(goes_on)
    }

    fn after_step(&mut self, metrics: &mut Metrics) -> anyhow::Result<()> {
        let step = self.trainer.steps_done();
        let last = self.trainer.is_done();
        let mut wanted = last || (self.args.save_steps > 0 && step.is_multiple_of(self.args.save_steps));
        if self.args.eval_steps.is_some_and(|every| last || step.is_multiple_of(every)) {
            wanted |= self.judge(metrics)?;
        }
        // Known before the checkpoint is written, so that none is ever replaced by another of the same step.
        self.standing.finished |= last;
        wanted |= self.standing.finished;
        if wanted { self.save() } else { Ok(()) }
    }

    /// Evaluates; returns whether it is the best so far, by the mean over tasks.
    fn judge(&mut self, metrics: &mut Metrics) -> anyhow::Result<bool> {
        let scores: Vec<Score> = self.evaluate_adapters()?.iter().flatten().map(Score::from).collect();
        let Some(score) = Score::mean(&scores) else { return Ok(false) };
        let step = self.trainer.steps_done();
        metrics.evaluation(step, score, &scores)?;
        Ok(self.standing.judge(Best { step, score }, self.args.metric, self.args.patience))
    }

    /// Of each task that has held-out lines, with its adapter as it is now; by all ranks.
    pub(super) fn evaluate_adapters(&self) -> anyhow::Result<Vec<Option<Evaluation>>> {
        self.ranks.next(Order::EvaluateAdapters);
        self.finite(evaluate_adapters(self.prepared, &self.trainer, self.ranks)?)
    }

    fn evaluate_base(&self) -> anyhow::Result<Vec<Option<Evaluation>>> {
        self.ranks.next(Order::EvaluateBase);
        self.finite(evaluate_base(self.prepared, self.ranks)?)
    }

    /// The same, unless a loss is not finite.
    fn finite(&self, evaluations: Vec<Option<Evaluation>>) -> anyhow::Result<Vec<Option<Evaluation>>> {
        for (task, evaluation) in self.prepared.tasks.iter().zip(&evaluations) {
            let Some(loss) = evaluation.as_ref().map(|e| e.loss).filter(|loss| !loss.is_finite()) else {
                continue;
            };
            let step = self.trainer.steps_done();
            let error = anyhow!(
                "the loss on the held-out lines is {loss} after step {step}; lower the learning rate"
            );
            return Err(in_task(task.name.as_deref(), error));
        }
        Ok(evaluations)
    }

    /// The best evaluated step is what is kept, on all ranks; without evaluations the last.
    fn finish(&mut self) -> anyhow::Result<()> {
        let step = self.trainer.steps_done();
        if let Some(best) = self.standing.best.filter(|best| best.step != step) {
            let checkpoint = self.checkpoints.read::<Standing>(best.step)?;
            self.trainer.restore(&checkpoint.state)?;
            self.ranks.next(Order::TakeState);
            super::follow::send(&checkpoint.state, self.ranks);
        }
        Ok(())
    }

    /// Ends the other ranks: there is nothing more to compute.
    pub(super) fn release(&self) {
        self.ranks.next(Order::End);
    }

    /// Steps made, also where the best of them is an earlier one.
    pub(super) fn steps_done(&self) -> usize {
        self.saved.unwrap_or_default().max(self.trainer.steps_done())
    }
}
