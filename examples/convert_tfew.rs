//! Converts T-Few's vectors into a PEFT adapter and back, and checks that every bit comes back. It takes the file that
//! `IA3_TFEW_T03B` names, such as the authors' own `t03b_ia3_finish.pt`, or a small one of the same form.
//!
//! `cargo run -p ia3-examples --example convert_tfew`

use std::path::PathBuf;

use anyhow::ensure;
use burn::tensor::Device;
use ia3::ModelConfig;
use ia3::convert::{AdapterFormat, ConvertOptions, FeedForwardSite, convert_adapter_with, open_adapter};

/// What `config.json` of bigscience/T0_3B says about its shape.
const T0_3B: &str = r#"{"model_type": "t5", "vocab_size": 32128, "d_model": 2048, "d_kv": 64, "d_ff": 5120, "num_layers": 24,
    "num_heads": 32, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}"#;

fn main() -> anyhow::Result<()> {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let (source, base) = match std::env::var_os("IA3_TFEW_T03B") {
        Some(path) => (path.into(), ModelConfig::from_json(T0_3B)?),
        None => (fixtures.join("formats/t5v11/tfew.pt"), ia3::read_config(fixtures.join("t5v11/base"))?),
    };
    let dir = tempfile::tempdir()?;
    let [peft, back] = ["peft", "back.pt"].map(|name| dir.path().join(name));

    // PEFT's default for T5 scales the input of `wo` where T-Few scales the output of `wi_1`: the same function in a
    // gated block.
    let options = ConvertOptions::new().with_site(FeedForwardSite::Wo);
    let made = convert_adapter_with(&source, AdapterFormat::Peft, &peft, &options)?;
    println!(
        "{}: {} vectors, {} numbers",
        source.display(),
        made.adapter.vectors.len(),
        made.adapter.num_params()
    );
    println!("{} files of {} bytes together for PEFT", made.files.len(), made.bytes);

    // Back it needs to know that the blocks are gated; the base's config.json says so.
    let options = ConvertOptions::new().with_base(base.init(&Device::default()).info());
    convert_adapter_with(&peft, AdapterFormat::TFew, &back, &options)?;
    let [before, after] = [&source, &back].map(open_adapter);
    let (before, after) = (before?.file, after?.file);
    ensure!(before.vectors.len() == after.vectors.len(), "another number of vectors");
    for (path, vector) in &before.vectors {
        let same = after.vectors.get(path).is_some_and(|other| other.values == vector.values);
        ensure!(same, "`{path}` came back otherwise");
    }
    println!("and back: every number the same");
    Ok(())
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
