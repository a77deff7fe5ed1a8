//! The configuration of a training: a preset, changed by the options.

use anyhow::ensure;
use ia3::train::{CausalLoss, EpochPlan, LossConfig, OptimizerConfig, Schedule, TrainConfig, Unlikelihood};

use crate::args::{CausalLossName, LossArgs, OptimizerName, PresetName, Train, UnlikelihoodName};

/// The epochs of `--preset chat`. Rows of chats are many or few, so a number of steps would not suit both.
const CHAT_EPOCHS: f64 = 3.0;

/// The configuration with the steps of `--epochs`, where that or the preset gives them. `epoch` is the first epoch.
pub(super) fn with_epochs(
    config: TrainConfig,
    args: &Train,
    epoch: &EpochPlan,
) -> anyhow::Result<TrainConfig> {
    let preset = (args.preset == Some(PresetName::Chat) && args.steps.is_none()).then_some(CHAT_EPOCHS);
    let Some(epochs) = args.epochs.or(preset) else { return Ok(config) };
    ensure!(epochs > 0.0 && epochs.is_finite(), "`epochs` is {epochs}, expected a positive number");
    let per_epoch = epoch.batches as f64 / config.gradient_accumulation_steps as f64;
    let steps = (epochs * per_epoch).ceil() as usize;
    Ok(config.with_steps(steps).with_schedule(Schedule::linear(args.warmup_ratio, steps)))
}

/// The preset with every option that was given.
pub(super) fn from_args(args: &Train) -> TrainConfig {
    let preset = match args.preset {
        None => TrainConfig::t_few().with_bucket(8),
        Some(PresetName::TFew) => TrainConfig::t_few(),
        Some(PresetName::TFewPretrain) => TrainConfig::t_few_pretraining(),
        Some(PresetName::Chat) => TrainConfig::chat(),
    };
    let steps = args.steps.unwrap_or(preset.steps);
    TrainConfig::new()
        .with_steps(steps)
        .with_batch_size(args.batch_size.unwrap_or(preset.batch_size))
        .with_gradient_accumulation_steps(args.gradient_accumulation_steps)
        .with_gradient_checkpointing(args.gradient_checkpointing)
        .with_learning_rate(args.lr.unwrap_or(preset.learning_rate))
        .with_schedule(Schedule::linear(args.warmup_ratio, steps))
        .with_optimizer(match args.optimizer {
            None => preset.optimizer,
            Some(OptimizerName::Adamw) => OptimizerConfig::adamw(),
            Some(OptimizerName::Adafactor) => OptimizerConfig::Adafactor { scale_parameter: true },
        })
        .with_max_grad_norm(
            args.max_grad_norm.map_or(preset.max_grad_norm, |norm| (norm > 0.0).then_some(norm)),
        )
        .with_shuffle(preset.shuffle && !args.no_shuffle)
        // Sorting by length would change the order of the file.
        .with_bucket(if args.no_shuffle { 1 } else { preset.bucket })
        .with_seed(args.seed)
        .with_loss(loss(&args.loss, preset.loss))
}

fn loss(args: &LossArgs, preset: LossConfig) -> LossConfig {
    LossConfig::new()
        .with_mc_loss(args.mc_loss.unwrap_or(preset.mc_loss))
        .with_unlikely_loss(args.unlikely_loss.unwrap_or(preset.unlikely_loss))
        .with_unlikelihood(match args.unlikelihood {
            UnlikelihoodName::Authors => Unlikelihood::Authors,
            UnlikelihoodName::Paper => Unlikelihood::Paper,
        })
        .with_length_norm(args.length_norm)
        .with_causal(match args.causal_loss {
            CausalLossName::Target => CausalLoss::Target,
            CausalLossName::All => CausalLoss::All,
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn parsed(options: &[&str]) -> TrainConfig {
        let args = ["ia3", "train", "--base", "b", "--data", "d", "--out", "o"];
        match Args::try_parse_from([&args, options].concat()).unwrap().command {
            Command::Train(args) => from_args(&args),
            _ => panic!("`ia3 train` is parsed as another command"),
        }
    }

    #[test]
    fn a_preset_sets_every_option_that_is_not_given() {
        assert_eq!(parsed(&["--preset", "t-few"]), TrainConfig::t_few());
        assert_eq!(parsed(&["--preset", "t-few-pretrain"]), TrainConfig::t_few_pretraining());
        assert_eq!(parsed(&["--preset", "chat"]), TrainConfig::chat());
        assert_eq!(parsed(&[]), TrainConfig::t_few().with_bucket(8));
    }

    #[test]
    fn the_preset_for_chats_has_epochs() {
        let steps = |options: &[&str]| {
            let words = ["ia3", "train", "--base", "b", "--data", "d", "--out", "o", "--preset", "chat"];
            let Command::Train(args) = Args::try_parse_from([&words, options].concat()).unwrap().command
            else {
                panic!()
            };
            let epoch = EpochPlan { batches: 7, ..EpochPlan::default() };
            with_epochs(from_args(&args), &args, &epoch).unwrap().steps
        };
        assert_eq!((steps(&[]), steps(&["--epochs", "2"]), steps(&["--steps", "5"])), (21, 14, 5));
    }

    #[test]
    fn epochs_become_steps() {
        let words = ["ia3", "train", "--base", "b", "--data", "d", "--out", "o", "--epochs", "2.5"];
        let Command::Train(args) = Args::try_parse_from(words).unwrap().command else { panic!() };
        let epoch = EpochPlan { batches: 7, ..EpochPlan::default() };
        let config = from_args(&args).with_gradient_accumulation_steps(2);
        let config = with_epochs(config, &args, &epoch).unwrap();
        // 2.5 epochs of 3.5 steps.
        assert_eq!((config.steps, config.schedule), (9, Schedule::linear(0.06, 9)));
        let zero = Train { epochs: Some(0.0), ..*args };
        let error = with_epochs(config, &zero, &epoch).unwrap_err().to_string();
        assert_eq!(error, "`epochs` is 0, expected a positive number");
    }

    #[test]
    fn options_override_the_preset() {
        let options = [
            "--preset t-few-pretrain --steps 50 --batch-size 3 --lr 0.1 --optimizer adamw --warmup-ratio 0.2",
            "--max-grad-norm 0 --seed 7 --mc-loss 0.5 --unlikely-loss 2 --unlikelihood paper --length-norm 0",
            "--causal-loss all --no-shuffle --gradient-checkpointing",
        ];
        let words: Vec<&str> = options.iter().flat_map(|o| o.split(' ')).collect();
        let expected = TrainConfig::new()
            .with_steps(50)
            .with_batch_size(3)
            .with_gradient_accumulation_steps(1)
            .with_gradient_checkpointing(true)
            .with_learning_rate(0.1)
            .with_schedule(Schedule::Linear { warmup: 10 })
            .with_optimizer(OptimizerConfig::adamw())
            .with_max_grad_norm(None)
            .with_shuffle(false)
            .with_bucket(1)
            .with_seed(7)
            .with_loss(
                LossConfig::new()
                    .with_mc_loss(0.5)
                    .with_unlikely_loss(2.0)
                    .with_unlikelihood(Unlikelihood::Paper)
                    .with_length_norm(0.0)
                    .with_causal(CausalLoss::All),
            );
        assert_eq!(parsed(&words), expected);
    }
}
