//! What a training leaves on the disk.

use std::path::Path;

use ia3::io::AdapterOptions;
use ia3::train::TrainError;

use super::history::History;
use super::lines::lines_of;
use super::prepared::Task;
use super::session::Session;

impl Session<'_> {
    /// Writes a checkpoint, if there is none of this step.
    pub(super) fn save(&mut self) -> anyhow::Result<()> {
        let state = self.trainer.state()?;
        if self.checkpoints.steps()?.contains(&state.step) {
            return Ok(());
        }
        self.checkpoints.write(&state, &self.standing, |dir| self.save_adapters(dir).map(|_| ()))?;
        self.saved = Some(state.step);
        let best = self.standing.best.map(|best| best.step);
        Ok(self.checkpoints.prune(self.args.save_total_limit.max(1), best.as_slice())?)
    }

    /// Writes the adapters as they are now; the bytes of each.
    pub(super) fn save_adapters(&self, dir: &Path) -> anyhow::Result<Vec<u64>> {
        let options = AdapterOptions::default().with_base(self.prepared.base.info());
        let save = |task: &Task| {
            let adapter = task.adapter.extract(self.trainer.model())?;
            Ok(ia3::io::save_adapter(&adapter, task.folder(dir), &options)?.bytes)
        };
        self.prepared.tasks.iter().map(save).collect()
    }

    /// Draws what the metrics say.
    pub(super) fn draw(&self) -> anyhow::Result<()> {
        let svg = super::plot::svg(&History::read(&self.args.out.join("metrics.jsonl")));
        Ok(ia3::io::write_file(self.args.out.join("loss.svg"), svg.as_bytes())?)
    }

    /// Saves the last state with a finite loss; returns the error with what was done.
    pub(super) fn keep_last_good(&mut self, error: TrainError) -> anyhow::Error {
        let Some(rows) = error.diverged_at() else { return self.prepared.named(error) };
        let task = &self.prepared.tasks[error.task().unwrap_or(0)];
        let place = lines_of(&task.path, rows);
        let step = self.trainer.steps_done();
        let later = self.checkpoints.remove_after(step).map_err(anyhow::Error::from);
        let kept = later
            .and_then(|()| self.save())
            .and_then(|()| self.save_adapters(&self.args.out))
            .and_then(|_| self.draw());
        let kept = match kept {
            Ok(_) => format!("the state after step {step} was saved to {}", self.args.out.display()),
            Err(failure) => format!("nothing could be saved: {failure:#}"),
        };
        self.prepared.named(error).context(format!("training stopped at {place}; {kept}"))
    }
}
