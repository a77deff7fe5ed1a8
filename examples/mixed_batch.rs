//! Trains four adapters in one run, each on its own entries of every batch. Then one batch has entries with different
//! adapters, which answer the same question differently.
//!
//! `cargo run --release -p ia3-examples --example mixed_batch`

use anyhow::ensure;
use ia3::train::{OptimizerConfig, Schedule};
use ia3::{Adapter, Ia3Config, Model, TaskType};
use ia3_examples::base_dir;
use ia3_examples::verbalise::{Split, Task};

const TASKS: [(&str, Task); 4] = [
    ("date", Task::HouseDate),
    ("time", Task::HouseTime),
    ("serial", Task::HouseSerial),
    ("cardinal", Task::HouseCardinal),
];
const STEPS: usize = 150;
/// Batch entries of each task, taken in turn from this many examples. There are few different times of day.
const ROWS: usize = 12;
const EXAMPLES: usize = 180;

fn main() -> anyhow::Result<()> {
    let base = Model::from_pretrained(base_dir(), &ia3::device(None)?)?;
    let config = Ia3Config::new().with_task_type(TaskType::Seq2SeqLm).with_base_model("examples/base");
    let new = TASKS.map(|_| Adapter::new(&config, &base));
    let new = new.into_iter().collect::<Result<Vec<Adapter>, _>>()?;
    let data = TASKS.map(|(_, task)| task.examples(Split::Train, EXAMPLES, 7));

    // A batch has entries of every task, and the gradient of an entry reaches its own adapter only.
    let training = base.train_adapters(new.iter().zip(&data)).steps(STEPS).batch_size(ROWS).shuffle(false);
    let training = training.learning_rate(5e-2).schedule(Schedule::Linear { warmup: 10 }).max_grad_norm(None);
    let training = training.optimizer(OptimizerConfig::adamw()).on_step(|step| {
        if step.step % 30 == 1 || step.step == STEPS {
            let loss: f32 = step.losses.iter().sum();
            println!("step {:3}: loss {loss:.4} over {} tasks", step.step, TASKS.len());
        }
    });
    let adapters = training.run()?.adapters;
    let named = |name: &str| TASKS.iter().position(|(task, _)| *task == name).map(|place| &adapters[place]);

    // One batch: the same number, which each entry reads out in the style of its adapter.
    let rows = ["serial", "cardinal", "__base__", "date", "serial"];
    let asked = ["number: 1234", "number: 1234", "number: 1234", "date: 2009-05-31", "number: 86"];
    let mixed = answers(&base.with_rows(&rows.map(named))?, &asked)?;
    println!("\nOne batch:");
    for ((name, asked), answer) in rows.iter().zip(asked).zip(&mixed) {
        println!("  {name:9} {asked:17} ->  {answer}");
    }
    for (i, name) in rows.into_iter().enumerate() {
        let same = answers(&base.with_adapters(named(name))?, &asked)?[i] == mixed[i];
        ensure!(same, "row {i} is not what `{name}` alone answers");
    }
    println!("\nExact match on 40 unseen inputs of each task:");
    for ((name, task), adapter) in TASKS.iter().zip(&adapters) {
        let test = base.encode(task.examples(Split::Test, 40, 7))?;
        let exact_match = |model: &Model| anyhow::Ok(model.evaluate(&test).batch_size(40).run()?.exact_match);
        let (before, after): (f64, f64) = (exact_match(&base)?, exact_match(&base.with_adapter(adapter)?)?);
        println!("  {name:9} {:5.1} % -> {:5.1} %", 100.0 * before, 100.0 * after);
        ensure!(after > before + 0.2, "`{name}` learned little");
    }
    println!("\n{} adapters of {} bytes each", adapters.len(), adapters[0].num_bytes());
    Ok(())
}

fn answers(model: &Model, texts: &[&str]) -> anyhow::Result<Vec<String>> {
    let generated = model.generate(texts).max_new_tokens(80).run()?;
    Ok(generated.texts.unwrap_or_default())
}
