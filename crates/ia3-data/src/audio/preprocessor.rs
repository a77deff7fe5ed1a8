use std::path::Path;

use ia3_guard::{Limit, quote};
use serde::Deserialize;

use crate::error::DataError;
use crate::json_file;

/// The file of a base that says how sound becomes features.
const FILE: &str = "preprocessor_config.json";

/// The class of transformers that computes these features.
const CLASS: &str = "WhisperFeatureExtractor";

/// The largest number of samples of the sound.
const MAX_SAMPLES: usize = 1 << 24;

/// The largest number of frames.
const MAX_FRAMES: usize = 1 << 16;

/// The settings of `WhisperFeatureExtractor` in `preprocessor_config.json`, with its defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Preprocessor {
    pub(super) feature_size: usize,
    pub(super) sampling_rate: u32,
    pub(super) hop_length: usize,
    pub(super) chunk_length: usize,
    pub(super) n_fft: usize,
    pub(super) padding_value: f32,
    dither: f64,
    do_normalize: Option<bool>,
    feature_extractor_type: Option<String>,
}

impl Default for Preprocessor {
    fn default() -> Self {
        Self {
            feature_size: 80,
            sampling_rate: 16_000,
            hop_length: 160,
            chunk_length: 30,
            n_fft: 400,
            padding_value: 0.0,
            dither: 0.0,
            do_normalize: None,
            feature_extractor_type: None,
        }
    }
}

impl Preprocessor {
    /// Reads the file in the folder of a base. A folder without it gives the defaults.
    pub(super) fn open(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join(FILE);
        let wrong = |reason: String| DataError::Preprocessor { path: path.clone(), reason };
        let settings = match json_file::text(&path, Limit::CONFIG)? {
            None => Self::default(),
            Some(text) => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        };
        settings.check().map_err(wrong)?;
        Ok(settings)
    }

    /// The number of samples to which sound is padded or cut.
    pub(super) fn samples(&self) -> usize {
        self.chunk_length * self.sampling_rate as usize
    }

    /// Checks that the settings are possible, and that their features take seconds and some hundred megabytes at most.
    fn check(&self) -> Result<(), String> {
        let kind = self.feature_extractor_type.as_deref().unwrap_or(CLASS);
        expect(kind == CLASS, "feature_extractor_type", quote(kind), CLASS)?;
        let within = |name, value: usize, most: usize| {
            expect((1..=most).contains(&value), name, value, &format!("1 to {most}"))
        };
        within("feature_size", self.feature_size, 1024)?;
        within("sampling_rate", self.sampling_rate as usize, 192_000)?;
        within("chunk_length", self.chunk_length, MAX_SAMPLES / self.sampling_rate as usize)?;
        within("hop_length", self.hop_length, self.samples())?;
        let enough = self.samples() / self.hop_length <= MAX_FRAMES;
        expect(
            enough,
            "hop_length",
            self.hop_length,
            &format!("a number that gives at most {MAX_FRAMES} frames"),
        )?;
        self.check_window()?;
        expect(self.dither == 0.0, "dither", self.dither, "0: features with random noise are not computed")?;
        expect(self.do_normalize != Some(true), "do_normalize", true, "false")?;
        expect(self.padding_value.is_finite(), "padding_value", self.padding_value, "a number")
    }

    fn check_window(&self) -> Result<(), String> {
        let n = self.n_fft;
        let fits = (2..=4096).contains(&n) && n.is_multiple_of(2) && n / 2 < self.samples();
        expect(fits, "n_fft", n, "an even number up to 4096, of which the sound has more than half")?;
        expect((2..=31).fold(n, divided) == 1, "n_fft", n, "a number without prime factors above 31")
    }
}

/// The number without this factor.
fn divided(mut number: usize, factor: usize) -> usize {
    while number.is_multiple_of(factor) {
        number /= factor;
    }
    number
}

fn expect(ok: bool, field: &str, found: impl ToString, expected: &str) -> Result<(), String> {
    match ok {
        true => Ok(()),
        false => Err(format!("`{field}` is {}, expected {expected}", found.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            Preprocessor::open(dir.path()).map_err(|error| error.to_string())
        };
        let settings =
            read(r#"{"feature_size": 128, "n_samples": 3, "mel_filters": [[1.0]], "dither": 0.0}"#).unwrap();
        assert_eq!((settings.feature_size, settings.samples()), (128, 480_000));
        for (text, name) in [
            (r#"{"dither": 0.001}"#, "`dither` is 0.001"),
            (r#"{"do_normalize": true}"#, "`do_normalize` is true"),
            (r#"{"feature_size": 0}"#, "`feature_size` is 0"),
            (r#"{"n_fft": 1}"#, "`n_fft` is 1"),
            (r#"{"n_fft": 401}"#, "`n_fft` is 401"),
            (r#"{"n_fft": 74}"#, "prime factors"),
            (r#"{"n_fft": 400, "chunk_length": 1, "sampling_rate": 200}"#, "`n_fft` is 400"),
            (r#"{"chunk_length": 100000}"#, "`chunk_length` is 100000"),
            (r#"{"hop_length": 2}"#, "`hop_length` is 2"),
            (r#"{"hop_length": 0}"#, "`hop_length` is 0"),
            (
                r#"{"feature_extractor_type": "SpeechT5FeatureExtractor"}"#,
                "`feature_extractor_type` is SpeechT5",
            ),
            ("[", "EOF"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(name), "{text}: {error}");
        }
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert_eq!(Preprocessor::open(dir.path()).unwrap().feature_size, 80);
    }
}
