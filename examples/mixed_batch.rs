//! Four adapters learn in one run, each from its own rows of every batch; then one batch answers the same question under
//! each of them.
//!
//! `cargo run --release -p ia3-examples --example mixed_batch`

use anyhow::ensure;
use burn::module::Module;
use burn::optim::GradientsParams;
use ia3::models::Model;
use ia3::models::ModelInputs;
use ia3::train::{Example, OptimizerConfig, Schedule, collate, evaluate};
use ia3::{Ia3Config, Ia3Model, TaskType};
use ia3_examples::verbalise::{Split, Task};
use ia3_examples::{base_dir, decode, encode, tokenizer};

const TASKS: [(&str, Task); 4] = [
    ("date", Task::HouseDate),
    ("time", Task::HouseTime),
    ("serial", Task::HouseSerial),
    ("cardinal", Task::HouseCardinal),
];
const STEPS: usize = 150;
/// Rows of each task in a batch, of so many examples in turn; there are few times of day.
const ROWS: usize = 12;
const EXAMPLES: usize = 180;

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    let base = ia3::from_pretrained(base_dir(), &device)?.model;
    let tokenizer = tokenizer(&base_dir())?;
    let config = Ia3Config::new().with_task_type(TaskType::Seq2SeqLm).with_base_model("examples/base");
    let mut model = Ia3Model::builder(base).without_adapter()?;
    let mut data = vec![];
    for (name, task) in TASKS {
        model.add_adapter(name, &config)?;
        data.push(encode(&tokenizer, &task.examples(Split::Train, EXAMPLES, 7))?);
    }

    // One training: a batch has rows of every task, and each row's gradient reaches its own adapter.
    let names: Vec<&str> = TASKS.iter().flat_map(|(name, _)| [*name; ROWS]).collect();
    let groups: Vec<Vec<usize>> = (0..TASKS.len()).map(|i| (i * ROWS..(i + 1) * ROWS).collect()).collect();
    let mut trained = model.rows(&names)?.train();
    let mut optimizer = OptimizerConfig::adamw().init();
    for step in 0..STEPS {
        let first = step * ROWS % EXAMPLES;
        let rows: Vec<&Example> = data.iter().flat_map(|rows| &rows[first..first + ROWS]).collect();
        let batch = collate(&rows, &trained, &device);
        let loss = trained.row_losses(&batch.inputs, batch.labels)?.sum_of_means(&groups);
        let grads = GradientsParams::from_grads(loss.clone().backward(), &trained);
        let rate = 5e-2 * Schedule::Linear { warmup: 10 }.factor(step, STEPS);
        trained = optimizer.step(rate, trained, grads);
        if step % 30 == 0 || step + 1 == STEPS {
            println!("step {:3}: loss {:.4} over {} tasks", step + 1, loss.into_scalar::<f32>(), TASKS.len());
        }
    }
    model.update_rows(&trained.valid(), &names)?;

    // One batch: the same written number, each row read out in its own style.
    let rows = ["serial", "cardinal", "__base__", "date", "serial"];
    let asked = ["number: 1234", "number: 1234", "number: 1234", "date: 2009-05-31", "number: 86"];
    let inputs = prompts(&tokenizer, &asked, model.base())?;
    let mixed = answers(&tokenizer, &model.rows(&rows)?, &inputs)?;
    println!("\nOne batch:");
    for ((name, asked), answer) in rows.iter().zip(asked).zip(&mixed) {
        println!("  {name:9} {asked:17} ->  {answer}");
    }
    for (i, name) in rows.into_iter().enumerate() {
        let mut alone = model.clone();
        alone.set_adapter([name].into_iter().filter(|name| *name != "__base__"))?;
        let same = answers(&tokenizer, alone.model(), &inputs)?[i] == mixed[i];
        ensure!(same, "row {i} is not what `{name}` alone answers");
    }
    println!("\nExact match on 40 unseen inputs of each task:");
    for (name, task) in TASKS {
        let test = encode(&tokenizer, &task.examples(Split::Test, 40, 7))?;
        let before = evaluate(model.base(), &test, 40)?.exact_match;
        model.set_adapter([name])?;
        let after = evaluate(model.model(), &test, 40)?.exact_match;
        println!("  {name:9} {:5.1} % -> {:5.1} %", 100.0 * before, 100.0 * after);
        ensure!(after > before + 0.2, "`{name}` learned little");
    }
    let status = model.get_model_status();
    println!("\n{} adapters of {} bytes each", status.bytes.len(), status.bytes["date"]);
    Ok(())
}

fn prompts(tokenizer: &tokenizers::Tokenizer, texts: &[&str], model: &Model) -> anyhow::Result<ModelInputs> {
    let ids = |text: &&str| -> anyhow::Result<Vec<i64>> {
        let encoding = tokenizer.encode(*text, true).map_err(anyhow::Error::from_boxed)?;
        Ok(encoding.get_ids().iter().map(|&id| id.into()).collect())
    };
    let rows = texts.iter().map(ids).collect::<anyhow::Result<Vec<_>>>()?;
    let device = model.devices().remove(0);
    Ok(ModelInputs::from_rows(&rows, model.pad_token_id(), model.padding_side(), &device))
}

fn answers(
    tokenizer: &tokenizers::Tokenizer,
    model: &Model,
    inputs: &ModelInputs,
) -> anyhow::Result<Vec<String>> {
    let ids = model.generate(inputs, &model.generation_config(80))?.ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.into_data().iter().collect();
    ids.chunks(width).map(|row| decode(tokenizer, row)).collect()
}
