//! The ranks after the first: they compute their share of every step and keep nothing.

use std::process::ExitCode;

use anyhow::ensure;
use ia3::train::{TrainState, Trainer};

use crate::ranks::{Ranks, Silent};

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

/// Steps, as long as rank 0 says so.
pub(super) fn follow(mut trainer: Trainer, ranks: &Ranks) -> anyhow::Result<ExitCode> {
    trainer.restore(&receive(ranks)?)?;
    // Rank 0 decides what an interrupt does.
    ctrlc::set_handler(|| ())?;
    while ranks.go_on(false) {
        if let Err(error) = trainer.step() {
            // All ranks have met it, and rank 0 says so when it has saved what is good.
            let common = error.diverged_at().is_some();
            return Err(if common { Silent.into() } else { error.into() });
        }
    }
    Ok(ExitCode::SUCCESS)
}
