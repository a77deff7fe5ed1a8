//! The loop of `ia3 train` on rank 0: steps, evaluations, checkpoints, and the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::anyhow;
use burn::tensor::Device;
use ia3::train::{Evaluation, Trainer};

use super::evaluate::{evaluate_adapters, evaluate_base};
use super::metrics::Metrics;
use super::persist::OutputFolder;
use super::progress_bar::{ProgressBar, figures};
use super::progress_state::{Best, ProgressState, Score};
use super::setup::Setup;
use super::task_list::in_task;
use super::worker_rank;
use crate::args::Train;
use crate::output::{note, say};
use crate::ranks::{Instruction, Ranks};

/// A training that is under way.
pub(super) struct Run<'a> {
    pub(super) args: &'a Train,
    pub(super) setup: &'a Setup,
    pub(super) trainer: Trainer<'a>,
    pub(super) progress: ProgressState,
    pub(super) folder: OutputFolder<'a>,
    ranks: &'a Ranks,
}

impl<'a> Run<'a> {
    /// Resumes from the last checkpoint, if there is one, and sends the initial state to the other ranks.
    pub(super) fn start(
        args: &'a Train,
        setup: &'a Setup,
        trainer: Trainer<'a>,
        (device, ranks): (&Device, &'a Ranks),
    ) -> anyhow::Result<Self> {
        let folder = OutputFolder::open(args, setup, device)?;
        let mut run = Self { args, setup, trainer, progress: ProgressState::default(), folder, ranks };
        if let Some(checkpoint) = run.folder.last_checkpoint()? {
            run.trainer.restore(&checkpoint.state)?;
            run.progress = checkpoint.progress;
            run.note_resumed();
        }
        if ranks.size() > 1 {
            worker_rank::send(&run.trainer.state()?, ranks);
        }
        Ok(run)
    }

    fn note_resumed(&self) {
        let (step, steps) = (self.trainer.steps_done(), self.setup.config.steps);
        note(match self.progress.finished {
            true => format!(
                "this training is finished, at step {step} of {steps}; --no-resume trains from the start"
            ),
            false => format!("resuming after step {step} of {steps}"),
        });
    }

    /// Trains to the end; returns whether the training was interrupted.
    pub(super) fn train_to_end(&mut self, interrupt: &AtomicBool) -> anyhow::Result<bool> {
        let (start, before) = (Instant::now(), self.progress.seconds);
        let mut metrics =
            Metrics::open(&self.args.out, self.setup.names(), self.trainer.steps_done(), before)?;
        if self.args.tensorboard {
            metrics = metrics.with_tensorboard(&self.args.out)?;
        }
        if self.progress.before.is_none() {
            let scores = self.evaluate_base()?;
            let scores: Vec<Option<Score>> = scores.iter().map(|e| e.as_ref().map(Score::from)).collect();
            let mean = Score::mean(&scores.iter().flatten().copied().collect::<Vec<_>>());
            mean.into_iter().for_each(|score| say(format_args!("before the training: {}", figures(score))));
            self.progress.before = Some(scores);
        }
        let bar = ProgressBar::new(self.setup.config.steps, self.trainer.steps_done());
        while self.has_next_step(interrupt)? {
            let report = match self.trainer.step() {
                Ok(report) => report,
                Err(error) => return Err(self.folder.keep_last_good(&self.trainer, &self.progress, error)),
            };
            self.progress.add_step(&report, before + start.elapsed().as_secs_f64());
            metrics.add_step(&report, self.trainer.steps_per_epoch(), self.progress.seconds)?;
            bar.show(&report);
            self.after_step(&mut metrics, &bar)?;
        }
        drop(bar);
        let interrupted = !self.progress.finished && !self.trainer.is_done();
        if !interrupted {
            self.restore_best()?;
        }
        Ok(interrupted)
    }

    /// Tells all ranks to make one more step, if there is one. Saves a checkpoint if the training is interrupted.
    fn has_next_step(&mut self, interrupt: &AtomicBool) -> anyhow::Result<bool> {
        if self.progress.finished || self.trainer.is_done() {
            return Ok(false);
        }
        if interrupt.load(Ordering::Relaxed) {
            self.folder.save(&self.trainer, &self.progress)?;
            return Ok(false);
        }
        self.ranks.share(Instruction::Step);
        Ok(true)
    }

    /// Evaluates and saves where `--eval-steps` and `--save-steps` say so, and after the last step.
    fn after_step(&mut self, metrics: &mut Metrics, bar: &ProgressBar) -> anyhow::Result<()> {
        let (step, last) = (self.trainer.steps_done(), self.trainer.is_done());
        let mut save = last || (self.args.save_steps > 0 && step.is_multiple_of(self.args.save_steps));
        if self.args.eval_steps.is_some_and(|every| last || step.is_multiple_of(every)) {
            save |= self.evaluate_step(metrics, bar)?;
        }
        // This is known before the checkpoint is written, so no checkpoint is replaced by another one of the same step.
        self.progress.finished |= last;
        if !save && !self.progress.finished {
            return Ok(());
        }
        metrics.sync()?;
        self.folder.save(&self.trainer, &self.progress)
    }

    /// Evaluates the adapters; returns whether this is the best evaluation so far, by the mean over the tasks.
    fn evaluate_step(&mut self, metrics: &mut Metrics, bar: &ProgressBar) -> anyhow::Result<bool> {
        let scores: Vec<Score> = self.evaluate_adapters()?.iter().flatten().map(Score::from).collect();
        let Some(score) = Score::mean(&scores) else { return Ok(false) };
        let step = self.trainer.steps_done();
        metrics.add_evaluation(step, score, &scores)?;
        bar.show_evaluation(step, score);
        Ok(self.progress.add_evaluation(Best { step, score }, self.args.metric, self.args.patience))
    }

    /// Evaluates the current adapter of every task that has held-out examples, on all ranks together.
    pub(super) fn evaluate_adapters(&self) -> anyhow::Result<Vec<Option<Evaluation>>> {
        self.ranks.share(Instruction::EvaluateAdapters);
        self.check_finite(evaluate_adapters(self.setup, &self.trainer, self.ranks)?)
    }

    fn evaluate_base(&self) -> anyhow::Result<Vec<Option<Evaluation>>> {
        self.ranks.share(Instruction::EvaluateBase);
        self.check_finite(evaluate_base(self.setup, self.ranks)?)
    }

    fn check_finite(&self, evaluations: Vec<Option<Evaluation>>) -> anyhow::Result<Vec<Option<Evaluation>>> {
        for (task, evaluation) in self.setup.tasks.iter().zip(&evaluations) {
            let Some(loss) = evaluation.as_ref().map(|e| e.loss).filter(|loss| !loss.is_finite()) else {
                continue;
            };
            let step = self.trainer.steps_done();
            let error = anyhow!(
                "the loss on the held-out examples is {loss} after step {step}; lower the learning rate"
            );
            return Err(in_task(task.name.as_deref(), error));
        }
        Ok(evaluations)
    }

    /// Restores the step of the best evaluation on all ranks. Without evaluations the last step stays.
    fn restore_best(&mut self) -> anyhow::Result<()> {
        let step = self.trainer.steps_done();
        if let Some(best) = self.progress.best.filter(|best| best.step != step) {
            let checkpoint = self.folder.checkpoint(best.step)?;
            self.trainer.restore(&checkpoint.state)?;
            self.ranks.share(Instruction::ReceiveState);
            worker_rank::send(&checkpoint.state, self.ranks);
        }
        Ok(())
    }

    /// Ends the training on the other ranks.
    pub(super) fn end_workers(&self) {
        self.ranks.share(Instruction::End);
    }

    /// The steps that were made, which are more than the trainer's where the best one is an earlier one.
    pub(super) fn steps_done(&self) -> usize {
        self.folder.last_saved().unwrap_or_default().max(self.trainer.steps_done())
    }
}
