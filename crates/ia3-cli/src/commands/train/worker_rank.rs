//! The ranks after rank 0: they compute their share of every step and evaluation, and write nothing.

use std::process::ExitCode;

use anyhow::ensure;
use ia3::train::{TrainState, Trainer};

use super::evaluate::{evaluate_adapters, evaluate_base};
use super::setup::Setup;
use crate::ranks::{Instruction, OtherRankFailed, Ranks};

/// Sends the state of rank 0 to all other ranks, so that random and resumed values are equal on all of them.
pub(super) fn send(state: &TrainState, ranks: &Ranks) {
    let step = (state.step as u64).to_le_bytes();
    ranks.communicator().broadcast([&step[..], &state.values].concat());
}

fn receive(ranks: &Ranks) -> anyhow::Result<TrainState> {
    let bytes = ranks.communicator().broadcast(vec![]);
    ensure!(bytes.len() >= 8, "rank 0 sent {} bytes of state, expected at least 8", bytes.len());
    let (step, values) = bytes.split_at(8);
    let step = step.iter().rev().fold(0, |step, &byte| step << 8 | u64::from(byte));
    Ok(TrainState { step: step as usize, values: values.to_vec() })
}

/// Follows the instructions of rank 0 until it ends the training.
pub(super) fn follow(mut trainer: Trainer, setup: &Setup, ranks: &Ranks) -> anyhow::Result<ExitCode> {
    trainer.restore(&receive(ranks)?)?;
    // Rank 0 decides what an interrupt does.
    ctrlc::set_handler(|| ())?;
    loop {
        match ranks.share(Instruction::End) {
            Instruction::End => return Ok(ExitCode::SUCCESS),
            Instruction::Step => step(&mut trainer)?,
            Instruction::EvaluateBase => drop(evaluate_base(setup, ranks)?),
            Instruction::EvaluateAdapters => drop(evaluate_adapters(setup, &trainer, ranks)?),
            Instruction::ReceiveState => trainer.restore(&receive(ranks)?)?,
        }
    }
}

fn step(trainer: &mut Trainer) -> anyhow::Result<()> {
    match trainer.step() {
        Ok(_) => Ok(()),
        // All ranks get this error, and rank 0 reports it after it has saved the last good state.
        Err(error) if error.diverged_at().is_some() => Err(OtherRankFailed.into()),
        Err(error) => Err(error.into()),
    }
}
