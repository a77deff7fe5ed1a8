//! A WAV file, and the description of the features of sound.

use ia3_data::audio::{LogMel, Sound};

use crate::input::{Folder, join, parts};
use crate::target::Target;

/// `preprocessor_config.json`, and a WAV file.
pub const TARGET: Target = Target {
    name: "sound",
    run,
    seeds: || vec![join(&[br#"{"feature_size": 8, "hop_length": 800, "chunk_length": 1}"#, &wav()])],
    tokens: &["RIFF", "WAVEfmt ", "data", "LIST", "n_fft", "sampling_rate", "feature_size"],
};

/// Two channels of 16 bits.
fn wav() -> Vec<u8> {
    let samples: Vec<u8> = (0..32).flat_map(|i: i16| (i * 900).to_le_bytes()).collect();
    let head =
        b"RIFF\x64\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3e\0\0\0\xfa\0\0\x04\0\x10\0data\x40\0\0\0";
    [&head[..], &samples].concat()
}

fn run(data: &[u8]) {
    let [config, wav] = parts(data);
    let folder = Folder::new();
    folder.write("preprocessor_config.json", config);
    // Features of a large window take seconds, so they are not computed.
    let _ = LogMel::open(folder.path(""));
    let path = folder.write("sound.wav", wav);
    if let Ok(sound) = Sound::read(&path) {
        assert!(!sound.samples.is_empty() && sound.samples.iter().all(|sample| sample.is_finite()));
    }
}
