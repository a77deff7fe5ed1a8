//! A training whose blocks are computed again equals one that keeps all activations, to the bit, also with dropout.

use crate::turn;
use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, Plan, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    AdapterTask, Dataset, Example, LossConfig, OptimizerConfig, Target, TrainConfig, Trainer, Unlikelihood,
};

/// Models with dropout at every place that has one.
const BASES: [&str; 5] = [
    r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4, "num_layers": 2,
        "dropout_rate": 0.2}"#,
    r#"{"model_type": "bart", "vocab_size": 12, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "max_position_embeddings": 32, "dropout": 0.2, "attention_dropout": 0.1, "activation_dropout": 0.3,
        "encoder_layerdrop": 0.3, "decoder_layerdrop": 0.3}"#,
    r#"{"model_type": "gpt2", "vocab_size": 14, "pad_token_id": 0, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 32,
        "resid_pdrop": 0.2, "attn_pdrop": 0.1, "embd_pdrop": 0.1}"#,
    r#"{"model_type": "falcon", "vocab_size": 14, "pad_token_id": 0, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "hidden_dropout": 0.2, "attention_dropout": 0.1}"#,
    r#"{"model_type": "gpt_neox", "vocab_size": 14, "pad_token_id": 0, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 32, "hidden_dropout": 0.2, "attention_dropout": 0.1}"#,
];

fn base(config: &str) -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

fn data() -> Dataset {
    let example = |id: i64, n| Example::new(vec![id, 13 - id, 1], vec![id; n]);
    Dataset { rows: (2..12).map(|id| vec![example(id, id as usize % 3 + 1)]).collect() }
}

fn config(again: bool) -> TrainConfig {
    TrainConfig::new()
        .with_steps(4)
        .with_batch_size(3)
        .with_gradient_accumulation_steps(2)
        .with_learning_rate(2e-2)
        .with_optimizer(OptimizerConfig::adamw())
        .with_gradient_checkpointing(again)
}

fn finish(mut trainer: Trainer) -> (Vec<u32>, Vec<u8>) {
    let losses = trainer.steps().map(|step| step.unwrap().loss.to_bits()).collect();
    (losses, trainer.state().unwrap().values)
}

fn plan(base: &Model, config: Ia3Config) -> Plan {
    config.plan(&base.info()).unwrap()
}

#[test]
fn a_training_with_dropout_has_the_same_bits() {
    let _turn = turn();
    let data = data();
    for json in BASES {
        let base = base(json);
        let start = Adapter::init(&base, &plan(&base, Ia3Config::new()));
        let run = |again: bool| {
            finish(Trainer::new(attach(&base, &[&start]).unwrap(), &data, &config(again)).unwrap())
        };
        let (kept, again) = (run(false), run(true));
        assert_eq!(again.0, kept.0, "losses of {json}");
        assert!(again.1 == kept.1, "values of {json}");
    }
}

#[test]
fn adapters_of_several_tasks_and_modules_to_save_have_the_same_bits() {
    let _turn = turn();
    let data = data();
    for json in &BASES[1..3] {
        let base = base(json);
        let inner = if json.contains("bart") { "fc1" } else { "c_proj" };
        let config_of = Ia3Config::new().with_modules_to_save([inner]);
        let start = Adapter::init(&base, &plan(&base, config_of));
        let run = |again: bool| {
            let tasks = [0, 1].map(|_| AdapterTask { adapter: start.fork(), data: &data });
            let config = config(again);
            finish(Trainer::multi_task(&base, &tasks, &config).unwrap())
        };
        let (kept, again) = (run(false), run(true));
        assert_eq!(again.0, kept.0, "losses of {json}");
        assert!(again.1 == kept.1, "values of {json}");
    }
}

#[test]
fn the_losses_of_t_few_have_the_same_bits() {
    let _turn = turn();
    let choices = |id: i64| {
        let target = Target::Choices { choices: vec![vec![id, 1], vec![2, 3, 1]], answer: 0 };
        Example::new(vec![id, 13 - id, 1], target)
    };
    let data = Dataset { rows: (2..12).map(|id| vec![choices(id)]).collect() };
    let base = base(BASES[0]);
    let start = Adapter::init(&base, &plan(&base, Ia3Config::new()));
    for form in [Unlikelihood::Authors, Unlikelihood::Paper] {
        let run = |again: bool| {
            let config = config(again).with_loss(LossConfig::new().with_unlikelihood(form));
            finish(Trainer::new(attach(&base, &[&start]).unwrap(), &data, &config).unwrap())
        };
        let (kept, again) = (run(false), run(true));
        assert_eq!(again.0, kept.0, "losses of {form:?}");
        assert!(again.1 == kept.1, "values of {form:?}");
    }
}
