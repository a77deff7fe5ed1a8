//! Estimates the memory that a training needs, before any weight is read.

mod activations;
mod checkpoints;
mod device;
mod weights;

use anyhow::bail;
use burn::tensor::Device;
use ia3::ModuleInfo;
use ia3::models::Model;
use ia3::train::EpochPlan;
use serde::Serialize;

use self::activations::{AttentionWeights, kept, logits};
use self::checkpoints::kept_of_checkpoints;
pub(super) use self::device::peak;
use self::device::{is_cpu, is_flex};
use self::weights::weights;
use crate::args::{DtypeName, Train};
use crate::machine_memory::MachineMemory;

/// The estimated memory of a training in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    /// The weights of the base.
    pub(super) base: u64,
    /// The largest batch: the values that it keeps for the backward pass, and the values that the pass works on.
    pub(super) activations: u64,
    /// The program itself, its threads and the tokenizer.
    pub(super) program: u64,
}

/// The memory of a process that trains a very small base, without base and batch.
const PROGRAM: u64 = 57 << 20;

/// Bytes that a batch needs per byte that it keeps, which adds the gradients in flight and the reserve of the allocator.
const IN_FLIGHT: f64 = 1.15;

/// Estimates the memory of a training whose steps have `batch_size` rows.
///
/// # Errors
///
/// The estimate is more than this machine has free, the device is a CPU, and `--no-memory-check` is not given.
pub(super) fn check(
    args: &Train,
    (shapes, epoch): (&Model, &EpochPlan),
    batch_size: usize,
    device: &Device,
) -> anyhow::Result<Memory> {
    let memory = Memory::estimate(args, shapes, epoch, device)?;
    let checked = !args.no_memory_check && is_cpu(device);
    let free = checked.then(MachineMemory::read).flatten().map(|free| free.available);
    free.map_or(Ok(()), |free| memory.check_against(free, batch_size))?;
    Ok(memory)
}

impl Memory {
    fn estimate(args: &Train, model: &Model, plan: &EpochPlan, device: &Device) -> anyhow::Result<Self> {
        let info = model.info();
        let mut plan = *plan;
        let tokens = model.image().map(|image| image.tokens).or(model.sound().map(|sound| sound.tokens));
        plan.largest_inputs[1] = tokens.unwrap_or(plan.largest_inputs[1]);
        let plan = &plan;
        let attention = AttentionWeights::read(&args.base, args.dtype, device)?;
        let kept = |module: &ModuleInfo| kept(module, plan, model.task(), attention);
        let of_blocks = match args.gradient_checkpointing {
            true => kept_of_checkpoints(&info.modules, kept),
            false => info.modules.iter().map(kept).sum::<f64>(),
        };
        // A configuration or an adapter may train the head, whose gradient needs all logits, as half precision does.
        let floats = matches!(args.dtype, DtypeName::Auto | DtypeName::Float32);
        let blocks = is_flex(device) && floats && args.config.is_none() && args.adapter.is_none();
        let values = of_blocks + logits(&info, plan, model.task(), blocks);
        let activations = (IN_FLIGHT * values * size_of::<f32>() as f64) as u64;
        Ok(Self { base: weights(args, &info)?, activations, program: PROGRAM })
    }

    pub(super) fn all(&self) -> u64 {
        self.base.saturating_add(self.activations).saturating_add(self.program)
    }

    fn check_against(&self, available: u64, batch_size: usize) -> anyhow::Result<()> {
        if self.all() <= available {
            return Ok(());
        }
        bail!(
            "the training needs an estimated {} of memory ({} for the base, {} for a batch of {batch_size}, {} for the \
             program), but only {} are free; lower --batch-size (--gradient-accumulation-steps keeps the step as large), \
             --max-input-tokens or --max-target-tokens, keep less with --gradient-checkpointing, or train anyway with \
             --no-memory-check",
            size(self.all()),
            size(self.base),
            size(self.activations),
            size(self.program),
            size(available)
        )
    }
}

/// A number of bytes for a message.
pub(super) fn size(bytes: u64) -> String {
    match bytes < 1 << 30 {
        true => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        false => format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_that_does_not_fit_is_refused_with_figures_and_advice() {
        let memory = Memory { base: 3 << 30, activations: 4 << 30, program: 1 << 30 };
        memory.check_against(8 << 30, 16).unwrap();
        let error = memory.check_against((8 << 30) - 1, 16).unwrap_err().to_string();
        for part in [
            "8.00 GiB",
            "3.00 GiB",
            "4.00 GiB",
            "1.00 GiB",
            "batch of 16",
            "--batch-size",
            "--no-memory-check",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
