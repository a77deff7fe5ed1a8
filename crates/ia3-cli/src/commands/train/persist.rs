//! The output folder of a training: its checkpoints, its adapters and its plot.

use std::path::Path;

use anyhow::Context;
use burn::tensor::Device;
use ia3::io::{AdapterOptions, FileError, FolderWrite};
use ia3::train::{Checkpoint, Checkpoints, TrainError, Trainer};

use super::history::History;
use super::line_numbers::lines_of;
use super::progress_state::ProgressState;
use super::setup::Setup;
use super::task::Task;
use super::{base_hashes, loss_plot, resume};
use crate::args::Train;
use crate::out;

/// The folder of `--out`. No other process writes into it as long as this value lives.
pub(super) struct OutputFolder<'a> {
    args: &'a Train,
    setup: &'a Setup,
    checkpoints: Checkpoints,
    /// The step of the last checkpoint.
    last_saved: Option<usize>,
    /// The folders of the adapters, one per task.
    adapters: Vec<ia3::io::OutputFolder>,
    /// The folder itself, where the adapters of the tasks have folders of their own in it.
    _folder: Option<ia3::io::OutputFolder>,
}

impl<'a> OutputFolder<'a> {
    /// Locks the folder and those of the tasks. Completes or removes what a killed process left.
    pub(super) fn open(args: &'a Train, setup: &'a Setup, device: &Device) -> anyhow::Result<Self> {
        // The ranks of one training have different devices, so the device is a fact of the checkpoints alone.
        let mut fingerprint = setup.fingerprint.clone();
        fingerprint.insert("device", format!("{device:?}"));
        let checkpoints = Checkpoints::new(args.out.join("checkpoints"), fingerprint);
        let of_tasks = setup.tasks.iter().any(|task| task.name.is_some());
        let _folder = if of_tasks { Some(out::lock(&args.out)?) } else { None };
        let adapters = setup.tasks.iter().map(|task| out::lock(&task.folder(&args.out)));
        let adapters = adapters.collect::<anyhow::Result<Vec<_>>>()?;
        for folder in adapters.iter().chain(&_folder) {
            out::refuse_adapters(folder, args.adapter.as_slice())?;
        }
        Ok(Self { args, setup, checkpoints, last_saved: None, adapters, _folder })
    }

    /// The last checkpoint that is whole. `--no-resume` removes all.
    pub(super) fn last_checkpoint(&mut self) -> anyhow::Result<Option<Checkpoint<ProgressState>>> {
        let checkpoint = match self.args.no_resume {
            true => self.checkpoints.remove_all().map(|()| None)?,
            false => resume::last_whole(&self.checkpoints)?,
        };
        if let Some(Checkpoint { state, progress, .. }) = &checkpoint {
            self.last_saved = Some(state.step);
            // The kill may have come between a checkpoint and the removal of earlier ones.
            self.prune(progress)?;
        }
        // A training that is refused changes nothing, so this comes last.
        base_hashes::keep(&self.setup.base_hashes, &self.args.out)?;
        Ok(checkpoint)
    }

    pub(super) fn checkpoint(&self, step: usize) -> anyhow::Result<Checkpoint<ProgressState>> {
        Ok(self.checkpoints.read(step)?)
    }

    pub(super) fn last_saved(&self) -> Option<usize> {
        self.last_saved
    }

    /// Writes a checkpoint, unless the last one that was read or written is of this step.
    pub(super) fn save(&mut self, trainer: &Trainer, progress: &ProgressState) -> anyhow::Result<()> {
        let state = trainer.state()?;
        if self.last_saved == Some(state.step) {
            return Ok(());
        }
        // Nobody else knows the folder of a checkpoint that is not complete.
        let add = |dir: &Path| {
            let direct = |task: &Task| FolderWrite::direct(task.folder(dir));
            self.write_adapters(trainer, self.setup.tasks.iter().map(direct)).map(|_| ())
        };
        let written = self.checkpoints.write(&state, progress, add);
        written.with_context(|| self.not_saved(state.step))?;
        self.last_saved = Some(state.step);
        self.prune(progress)
    }

    /// Removes checkpoints beyond the limit, but not that of the best evaluation.
    fn prune(&self, progress: &ProgressState) -> anyhow::Result<()> {
        let best = progress.best.map(|best| best.step);
        Ok(self.checkpoints.prune(self.args.save_total_limit.max(1), best.as_slice())?)
    }

    /// What a checkpoint that cannot be written means.
    fn not_saved(&self, step: usize) -> String {
        let before = match self.last_saved {
            Some(last) => format!("the same command continues from that of step {last}"),
            None => "there is no earlier one, so the same command starts anew".into(),
        };
        format!("the checkpoint after step {step} was not written; {before}")
    }

    /// Writes the current adapters; returns the bytes of each.
    pub(super) fn save_adapters(&self, trainer: &Trainer) -> anyhow::Result<Vec<u64>> {
        self.write_adapters(trainer, self.adapters.iter().map(FolderWrite::new))
    }

    fn write_adapters<'w>(
        &self,
        trainer: &Trainer,
        writes: impl Iterator<Item = Result<FolderWrite<'w>, FileError>>,
    ) -> anyhow::Result<Vec<u64>> {
        let options = AdapterOptions::default().with_base(self.setup.base.info());
        let save = |(task, write): (&Task, Result<FolderWrite, FileError>)| {
            let adapter = task.adapter.extract(trainer.model())?;
            ia3::io::check_finite(&adapter)?;
            Ok(ia3::io::write_adapter(&adapter, write?, &options)?.bytes)
        };
        self.setup.tasks.iter().zip(writes).map(save).collect()
    }

    /// Draws `loss.svg` from `metrics.jsonl`.
    pub(super) fn draw(&self) -> anyhow::Result<()> {
        let svg = loss_plot::svg(&History::read(&self.args.out.join("metrics.jsonl")))?;
        Ok(ia3::io::write_file(self.args.out.join("loss.svg"), svg.as_bytes())?)
    }

    /// Saves the last state whose loss was finite. Returns the error, which says so.
    pub(super) fn keep_last_good(
        &mut self,
        trainer: &Trainer,
        progress: &ProgressState,
        error: TrainError,
    ) -> anyhow::Error {
        let Some(rows) = error.diverged_at() else { return self.setup.in_task(error) };
        let task = &self.setup.tasks[error.task().unwrap_or(0)];
        let place = lines_of(&task.path, task.places.as_ref(), rows);
        let step = trainer.steps_done();
        let outcome = match self.replace_by(trainer, progress) {
            Ok(()) => format!("the state after step {step} was saved to {}", self.args.out.display()),
            Err(failure) => format!("the state after step {step} could not be saved: {failure:#}"),
        };
        self.setup.in_task(error).context(format!("training stopped at {place}; {outcome}"))
    }

    /// Makes this state the last one of the folder.
    fn replace_by(&mut self, trainer: &Trainer, progress: &ProgressState) -> anyhow::Result<()> {
        self.checkpoints.remove_after(trainer.steps_done())?;
        self.save(trainer, progress)?;
        self.save_adapters(trainer)?;
        self.draw()
    }
}
