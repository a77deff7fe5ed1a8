use crate::loss_config::LossConfig;
use crate::optimizer::OptimizerConfig;
use crate::schedule::Schedule;
use crate::train_config::TrainConfig;

impl TrainConfig {
    /// Few-shot training as T-Few does it, with the three losses (arXiv 2205.05638 §3.2 and §3.4).
    ///
    /// | setting | value | in r-three/t-few |
    /// |---|---|---|
    /// | steps | 1000 of 8 examples | `configs/ia3.json`, `configs/<task>.json` |
    /// | learning rate | 3e-3, linear warm-up from 0 over 60 steps, linear decay to 0 | `configs/ia3.json`, `src/utils/get_scheduler.py` |
    /// | optimiser | Adafactor with `scale_parameter`, without `relative_step` and weight decay | `src/utils/get_optimizer.py` |
    /// | gradients | joint norm of at most 1 | `src/utils/Config.py` |
    /// | loss | `L_LM + L_LN + L_UL`, [`Unlikelihood::Authors`](crate::Unlikelihood::Authors) | `src/models/EncoderDecoder.py` |
    /// | seed | 42, the first of five | `bin/few-shot-3b.sh` |
    ///
    /// Inputs are truncated to [`MAX_INPUT_TOKENS`](crate::MAX_INPUT_TOKENS). If you change the number of steps, change the
    /// warm-up with it:
    ///
    /// ```
    /// let config = ia3_train::TrainConfig::t_few().with_steps(500).with_warmup_ratio(0.06);
    /// ```
    pub fn t_few() -> Self {
        Self::new()
    }

    /// Pre-training of the vectors on a mixture of tasks, before any few-shot task, as T-Few does it
    /// (arXiv 2205.05638 §3.4).
    ///
    /// It differs from [`t_few`](Self::t_few) in this: 100,000 steps of 16 examples, a learning rate of 3e-4, and the loss of
    /// the right text alone (`configs/pretrain.json` and `bin/pretrain_3b.sh` of r-three/t-few; the paper does not give
    /// the rate).
    pub fn t_few_pretraining() -> Self {
        let steps = 100_000;
        Self::t_few()
            .with_steps(steps)
            .with_batch_size(16)
            .with_learning_rate(3e-4)
            .with_schedule(Schedule::linear(0.06, steps))
            .with_loss(LossConfig::language_modelling())
    }

    /// Training of a decoder on conversations: AdamW with a peak rate of 0.003, and the loss of the assistant's turns.
    ///
    /// It was searched with vectors at all linear layers
    /// (`Ia3Config::new().with_target_modules(Selector::AllLinear)`), which scales the input of the feed-forward layer's second
    /// projection and the output of every other layer; `docs/chat.md` has the figures. `ia3 train --preset chat` takes these targets,
    /// and 3 epochs instead of 1000 steps.
    pub fn chat() -> Self {
        Self::new()
            .with_learning_rate(3e-3)
            .with_optimizer(OptimizerConfig::adamw())
            .with_bucket(8)
            .with_loss(LossConfig::language_modelling())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_those_of_the_recipe() {
        let few = TrainConfig::t_few();
        assert_eq!((few.steps, few.batch_size, few.learning_rate), (1000, 8, 3e-3));
        assert_eq!(few.schedule, Schedule::linear(0.06, 1000));
        assert_eq!(few.schedule, Schedule::Linear { warmup: 60 });
        assert_eq!((few.loss.mc_loss, few.loss.unlikely_loss), (1.0, 1.0));
        assert_eq!(few.optimizer, OptimizerConfig::Adafactor { scale_parameter: true });
        assert_eq!((few.max_grad_norm, few.shuffle, few.bucket, few.seed), (Some(1.0), true, 1, 42));
        let before = TrainConfig::t_few_pretraining();
        assert_eq!((before.steps, before.batch_size, before.learning_rate), (100_000, 16, 3e-4));
        assert_eq!(before.schedule, Schedule::Linear { warmup: 6000 });
        assert_eq!((before.loss.mc_loss, before.loss.unlikely_loss), (0.0, 0.0));
        assert_eq!((before.optimizer, before.max_grad_norm), (few.optimizer, few.max_grad_norm));
    }

    #[test]
    fn the_preset_for_chats_is_that_of_the_search() {
        let chat = TrainConfig::chat();
        assert_eq!((chat.learning_rate, chat.batch_size, chat.bucket), (3e-3, 8, 8));
        assert_eq!(chat.optimizer, OptimizerConfig::adamw());
        assert_eq!((chat.loss.mc_loss, chat.loss.unlikely_loss), (0.0, 0.0));
    }
}
