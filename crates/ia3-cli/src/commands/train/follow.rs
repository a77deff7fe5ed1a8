//! The ranks after the first: they compute their share of every step and evaluation, and keep nothing.

use std::process::ExitCode;

use anyhow::ensure;
use ia3::train::{TrainState, Trainer};

use super::evaluate::{evaluate_adapters, evaluate_base};
use super::prepared::Prepared;
use crate::ranks::{Order, Ranks, Silent};

/// Gives all ranks rank 0's state: whatever was drawn at random or resumed is then the same.
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

/// What rank 0 says, until it says that all is done.
pub(super) fn follow(mut trainer: Trainer, prepared: &Prepared, ranks: &Ranks) -> anyhow::Result<ExitCode> {
    trainer.restore(&receive(ranks)?)?;
    // Rank 0 decides what an interrupt does.
    ctrlc::set_handler(|| ())?;
    loop {
        match ranks.next(Order::End) {
            Order::End => return Ok(ExitCode::SUCCESS),
            Order::Step => step(&mut trainer)?,
            Order::EvaluateBase => drop(evaluate_base(prepared, ranks)?),
            Order::EvaluateAdapters => drop(evaluate_adapters(prepared, &trainer, ranks)?),
            Order::TakeState => trainer.restore(&receive(ranks)?)?,
        }
    }
}

fn step(trainer: &mut Trainer) -> anyhow::Result<()> {
    match trainer.step() {
        Ok(_) => Ok(()),
        // All ranks have met it, and rank 0 says so when it has saved what is good.
        Err(error) if error.diverged_at().is_some() => Err(Silent.into()),
        Err(error) => Err(error.into()),
    }
}
