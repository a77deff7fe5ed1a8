//! `ia3 generate --audio`.

use std::path::{Path, PathBuf};

use ia3::data::audio::LogMel;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::common::{run, succeed, tensor, workspace};

/// A WAV file of one channel with samples of 16 bits.
pub(crate) fn wav(path: &Path, rate: u32, samples: &[i16]) -> String {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let size = data.len() as u32;
    let mut bytes = vec![];
    bytes.extend(b"RIFF");
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
    path.display().to_string()
}

pub(crate) fn tone(hertz: f32, samples: usize) -> Vec<i16> {
    (0..samples).map(|i| (9000.0 * (i as f32 * hertz * 0.000_392_699).sin()) as i16).collect()
}

/// The Whisper of the corpus, which reads 20 frames of 8 bins, with a tokenizer of as many words as it has ids.
pub(crate) fn base(dir: &Path) -> PathBuf {
    let (from, to) = (workspace().join("fixtures/whisper/base"), dir.join("base"));
    std::fs::create_dir(&to).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let preprocessor =
        json!({"chunk_length": 1, "feature_size": 8, "hop_length": 800, "sampling_rate": 16000});
    std::fs::write(to.join("preprocessor_config.json"), preprocessor.to_string()).unwrap();
    let vocab: serde_json::Map<String, Value> = (0..61).map(|id| (format!("w{id}"), id.into())).collect();
    let special = |id: usize| {
        json!({"id": id, "content": format!("w{id}"), "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null, "decoder": null,
        "added_tokens": [special(0), special(1), special(2), special(33), special(40)],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "w0"},
    });
    std::fs::write(to.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    to
}

pub(crate) fn said(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_said_is_what_the_features_give() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path());
    let name = base.display().to_string();
    let sounds = [tone(440.0, 9_000), tone(900.0, 16_000)];
    let files: Vec<String> = sounds
        .iter()
        .enumerate()
        .map(|(i, sound)| wav(&dir.path().join(format!("{i}.wav")), 16_000, sound))
        .collect();
    let out = dir.path().join("ids.safetensors");
    let out_name = out.display().to_string();
    let args = [
        "generate", "--base", &name, "--audio", &files[0], &files[1], "--out", &out_name, "--format", "json",
    ];
    succeed(&args);
    // As many new tokens as there are positions behind the prompt.
    let heard = tensor(&out, "ids");
    assert_eq!(heard.len(), 2 * 20);

    let log_mel = LogMel::open(&base).unwrap();
    let features: Vec<f32> = files.iter().flat_map(|file| log_mel.features_of_file(file).unwrap()).collect();
    let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
    let inputs = dir.path().join("features.safetensors");
    let view = TensorView::new(Dtype::F32, vec![2, 8, 20], &bytes).unwrap();
    safetensors::serialize_to_file([("input_features", view)], None, &inputs).unwrap();
    let inputs = inputs.display().to_string();
    let args =
        ["generate", "--base", &name, "--inputs", &inputs, "--out", &out_name, "--max-new-tokens", "17"];
    succeed(&args);
    assert_eq!(tensor(&out, "ids"), heard);

    // Each file alone, and the texts without special tokens.
    let texts: Value = serde_json::from_str(&succeed(&[
        "generate", "--base", &name, "--audio", &files[1], "--format", "json",
    ]))
    .unwrap();
    let words: Vec<String> = heard[20..].iter().skip(3).map(|id| format!("w{id}")).collect();
    let special = ["w0", "w1", "w2", "w33", "w40"];
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !special.contains(word)).collect();
    assert_eq!(texts["texts"], json!([words.join(" ")]));
    let adapter = workspace().join("fixtures/whisper/adapter").display().to_string();
    let adapted = succeed(&["generate", "--base", &name, "--adapter", &adapter, "--audio", &files[1]]);
    assert_ne!(adapted.trim(), words.join(" "));
}

#[test]
fn sound_that_does_not_fit_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path()).display().to_string();
    let good = wav(&dir.path().join("good.wav"), 16_000, &tone(440.0, 4_000));
    let slow = wav(&dir.path().join("slow.wav"), 8_000, &tone(440.0, 4_000));
    let long = wav(&dir.path().join("long.wav"), 16_000, &tone(440.0, 17_000));
    let of = |file: &str| said(&["generate", "--base", &base, "--audio", file]);
    let rate = of(&slow);
    assert!(
        rate.contains(
            "slow.wav: it has 8000 samples a second, but the model reads 16000; convert it with `ffmpeg -i"
        ),
        "{rate}"
    );
    let length = of(&long);
    assert!(
        length.contains("long.wav: it has 1.1 s, but the model reads 1 s at a time; cut it with"),
        "{length}"
    );
    let none = of(&dir.path().join("none.wav").display().to_string());
    assert!(none.contains("none.wav") && none.contains("No such file"), "{none}");
    let language = said(&["generate", "--base", &base, "--audio", &good, "--language", "en"]);
    assert!(language.contains("`language` is en, expected none"), "{language}");
    let t5 = workspace().join("examples/base").display().to_string();
    let text = said(&["generate", "--base", &t5, "--audio", &good]);
    assert!(text.contains("--audio is for a model of speech, and the base is a `t5` model"), "{text}");
    let prompt = said(&["generate", "--base", &base, "--prompt", "w7"]);
    assert!(prompt.contains("reads `input_features`"), "{prompt}");
}
