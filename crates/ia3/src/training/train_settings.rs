use ia3_train::{LossConfig, OptimizerConfig, Schedule, StepReport, TrainConfig};

use super::train::Train;

impl<'a, Data> Train<'a, Data> {
    /// Sets the number of optimiser steps, 1000 otherwise.
    pub fn steps(mut self, steps: usize) -> Self {
        self.config.steps = steps;
        self
    }

    /// Sets the number of steps so that every row comes `epochs` times.
    pub fn epochs(mut self, epochs: f64) -> Self {
        self.epochs = Some(epochs);
        self
    }

    /// Sets the number of examples per step, of each adapter; 8 otherwise. With
    /// [`gradient_accumulation_steps`](Self::gradient_accumulation_steps) it is that of each micro-batch.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.config.batch_size = batch_size;
        self
    }

    /// Sets the number of micro-batches per step, 1 otherwise.
    pub fn gradient_accumulation_steps(mut self, micro_batches: usize) -> Self {
        self.config.gradient_accumulation_steps = micro_batches;
        self
    }

    /// Sets whether the backward pass computes each block of the model again instead of keeping its activations: less memory, about
    /// half as much time again, the same numbers.
    pub fn gradient_checkpointing(mut self, on: bool) -> Self {
        self.config.gradient_checkpointing = on;
        self
    }

    /// Sets the peak learning rate, 3e-3 otherwise.
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.config.learning_rate = rate;
        self
    }

    /// Sets the course of the learning rate. Otherwise it rises over 6 % of the steps and then falls to 0, both linearly.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.config.schedule = schedule;
        self.default_schedule = false;
        self
    }

    /// Sets the optimiser, Adafactor otherwise.
    pub fn optimizer(mut self, optimizer: OptimizerConfig) -> Self {
        self.config.optimizer = optimizer;
        self
    }

    /// Sets the bound of the joint norm of all gradients, 1 otherwise. `None` clips nothing.
    pub fn max_grad_norm(mut self, norm: impl Into<Option<f32>>) -> Self {
        self.config.max_grad_norm = norm.into();
        self
    }

    /// Sets the loss.
    pub fn loss(mut self, loss: LossConfig) -> Self {
        self.config.loss = loss;
        self
    }

    /// Sets whether the examples are shuffled in each epoch, as they are otherwise.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.config.shuffle = shuffle;
        self
    }

    /// Sets the number of batches whose examples are sorted by length together, which reduces padding; 1 otherwise.
    pub fn bucket(mut self, batches: usize) -> Self {
        self.config.bucket = batches;
        self
    }

    /// Sets the seed of the order of the examples and of dropout.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Replaces all settings.
    pub fn config(mut self, config: TrainConfig) -> Self {
        self.config = config;
        self.default_schedule = false;
        self
    }

    /// Calls `on_step` after each step.
    pub fn on_step(mut self, on_step: impl FnMut(&StepReport) + 'a) -> Self {
        self.on_step = Box::new(on_step);
        self
    }

    /// Ends the training after the first step for which `stop` returns `true`.
    pub fn stop_when(mut self, stop: impl FnMut(&StepReport) -> bool + 'a) -> Self {
        self.stop_when = Box::new(stop);
        self
    }
}
