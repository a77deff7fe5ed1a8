//! Finds the checkpoint that a training resumes from.

use anyhow::{Context, anyhow};
use ia3::train::{Checkpoint, CheckpointError, Checkpoints};

use super::progress_state::ProgressState;
use crate::output::note;

const ADVICE: &str = "cannot resume from the last checkpoint; repeat the command that wrote it, with the same base and data, \
                      or start anew with --no-resume";

/// The last checkpoint that is whole. Damaged checkpoints after it are set aside, with a note that names each.
pub(super) fn last_whole(checkpoints: &Checkpoints) -> anyhow::Result<Option<Checkpoint<ProgressState>>> {
    let (mut damaged, steps) = (vec![], checkpoints.steps()?);
    for &step in steps.iter().rev() {
        match whole(checkpoints, step) {
            Ok(checkpoint) => {
                set_aside(checkpoints, damaged, step)?;
                return Ok(Some(checkpoint));
            }
            Err(error) if error.is_damage() => damaged.push((step, error)),
            Err(error) => return Err(error).context(ADVICE),
        }
    }
    match damaged.into_iter().next() {
        None => Ok(None),
        Some((_, last)) => {
            let all = "every checkpoint of the training is damaged; restore one from a copy, or start anew with --no-resume";
            Err(anyhow!(last).context(all))
        }
    }
}

/// The checkpoint of a step. The one of its best evaluation, which the training ends with, has to be whole too.
fn whole(checkpoints: &Checkpoints, step: usize) -> Result<Checkpoint<ProgressState>, CheckpointError> {
    let checkpoint: Checkpoint<ProgressState> = checkpoints.read(step)?;
    if let Some(best) = checkpoint.progress.best.filter(|best| best.step != step) {
        checkpoints.read::<ProgressState>(best.step)?;
    }
    Ok(checkpoint)
}

fn set_aside(
    checkpoints: &Checkpoints,
    damaged: Vec<(usize, CheckpointError)>,
    whole: usize,
) -> anyhow::Result<()> {
    for (step, error) in damaged {
        let aside = checkpoints.set_aside(step)?;
        note(format!(
            "{error}; the checkpoint of step {step} was renamed to {}, and the training continues from that of step {whole}",
            aside.display()
        ));
    }
    Ok(())
}
