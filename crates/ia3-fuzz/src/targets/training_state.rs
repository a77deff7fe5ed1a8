//! The checkpoint of a training.

use std::cell::OnceCell;
use std::sync::LazyLock;

use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{Checkpoints, Dataset, Example, Fingerprint, TrainConfig, TrainState, Trainer};
use serde_json::{Value, json};

use crate::input::{Folder, join, parts};
use crate::target::Target;

const STATE: &str = "trainer_state.json";
const VALUES: &str = "trainer_state.bpk";
const STEP: usize = 1;

/// `trainer_state.json`, and `trainer_state.bpk`.
pub const TARGET: Target = Target {
    name: "training_state",
    run,
    seeds,
    tokens: &[
        "step",
        "fingerprint_format",
        "fingerprint",
        "progress",
        "parameter/",
        "optimizer/",
        "|moment_1",
        "BPK",
        "F32",
    ],
};

static DATA: LazyLock<Dataset> = LazyLock::new(|| Dataset::from(vec![Example::new(vec![3, 1], vec![4, 1])]));
static CONFIG: LazyLock<TrainConfig> = LazyLock::new(|| TrainConfig::new().with_steps(3));

thread_local! {
    static MODEL: OnceCell<Model> = const { OnceCell::new() };
}

fn run(data: &[u8]) {
    let [state, values] = parts(data);
    let folder = Folder::new();
    let checkpoints = Checkpoints::new(folder.path(""), Fingerprint::default());
    let dir = checkpoints.path(STEP);
    std::fs::create_dir(&dir).expect("a folder can be made");
    std::fs::write(dir.join(STATE), state).expect("a file can be written");
    std::fs::write(dir.join(VALUES), values).expect("a file can be written");
    let read = checkpoints.read::<Value>(STEP);
    if let Ok(checkpoint) = read {
        assert_eq!(checkpoint.state.step, STEP, "the step of another folder");
    }
    // The state is read also where the hash in the record would refuse it.
    let mut trainer = trainer();
    if trainer.restore(&TrainState { step: STEP, values: values.to_vec() }).is_ok() {
        let _ = trainer.step();
    }
}

/// A training of a small T5 before its first step.
fn trainer() -> Trainer<'static> {
    let model = MODEL.with(|model| model.get_or_init(adapted).clone());
    Trainer::new(model, &DATA, &CONFIG).expect("the model can be trained")
}

fn adapted() -> Model {
    let json = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 8, "d_kv": 2, "d_ff": 8, "num_heads": 2, "num_layers": 1}"#;
    let base = ModelConfig::from_json(json).expect("the configuration is valid").init(&Device::flex());
    let plan = Ia3Config::new().plan(&base.info()).expect("T5 has default targets");
    attach(&base, &[&Adapter::init(&base, &plan)]).expect("the adapter fits")
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = Folder::new();
    let checkpoints = Checkpoints::new(folder.path(""), Fingerprint::default());
    let mut trainer = trainer();
    trainer.step().expect("a step can be done");
    let state = trainer.state().expect("the state can be read");
    let add = |_: &std::path::Path| Ok::<(), ia3_train::CheckpointError>(());
    let dir = checkpoints.write(&state, &json!({"losses": [1.5]}), add).expect("a checkpoint can be written");
    let bytes = |name: &str| std::fs::read(dir.join(name)).expect("the checkpoint has the file");
    vec![join(&[&bytes(STATE), &bytes(VALUES)])]
}
