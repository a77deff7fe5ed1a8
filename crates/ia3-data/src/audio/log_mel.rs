use std::path::Path;

use super::mel_filters::{MelFilter, mel_filters};
use super::preprocessor::Preprocessor;
use super::sound::Sound;
use super::spectrum::Spectrum;
use crate::error::DataError;

/// The highest frequency of the filters, in Hz.
const HIGHEST: f64 = 8000.0;

/// The smallest energy, below which the logarithm is that of this one.
const FLOOR: f64 = 1e-10;

/// How far the features reach below the largest one, as powers of ten.
const RANGE: f32 = 8.0;

/// Makes the features of sound that Whisper reads: the logarithms of the energies of mel filters, as `WhisperFeatureExtractor` of
/// transformers computes them.
#[derive(Clone, Debug)]
pub struct LogMel {
    settings: Preprocessor,
    window: Vec<f64>,
    filters: Vec<MelFilter>,
    spectrum: Spectrum,
}

impl LogMel {
    /// Reads `preprocessor_config.json` in the folder of a base. A folder without it gives the features of the first Whisper: 80
    /// bins of 30 s at 16 kHz.
    ///
    /// # Errors
    ///
    /// [`DataError::Preprocessor`] for a setting that is not possible or not supported.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, DataError> {
        Ok(Self::new(Preprocessor::open(dir.as_ref())?))
    }

    fn new(settings: Preprocessor) -> Self {
        let n = settings.n_fft;
        let hann = |i: usize| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * i as f64 / n as f64).cos();
        Self {
            window: (0..n).map(hann).collect(),
            filters: mel_filters(settings.feature_size, HIGHEST, n / 2 + 1, settings.sampling_rate),
            spectrum: Spectrum::new(n),
            settings,
        }
    }

    /// The number of values of a frame.
    pub fn bins(&self) -> usize {
        self.settings.feature_size
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.settings.samples() / self.settings.hop_length
    }

    /// The number of samples of a second.
    pub fn sampling_rate(&self) -> u32 {
        self.settings.sampling_rate
    }

    /// The length of the sound that one row of features holds, in seconds.
    pub fn seconds(&self) -> f64 {
        self.settings.chunk_length as f64
    }

    /// The features `[bins, frames]` of a WAV file, row by row.
    ///
    /// # Errors
    ///
    /// [`DataError::Sound`]: the file cannot be read, has another sampling rate, or is longer than [`seconds`](Self::seconds).
    pub fn features_of_file(&self, path: impl AsRef<Path>) -> Result<Vec<f32>, DataError> {
        let sound = Sound::read(path)?;
        Ok(self.features(sound.expect(self.sampling_rate(), self.seconds())?))
    }

    /// The features `[bins, frames]` of samples at [`sampling_rate`](Self::sampling_rate), row by row. Fewer samples than
    /// [`seconds`](Self::seconds) has are padded, and further ones are left out.
    pub fn features(&self, samples: &[f32]) -> Vec<f32> {
        let sound = self.padded(samples);
        let frames = self.frames();
        let mut features = vec![0.0; self.bins() * frames];
        for frame in 0..frames {
            let start = frame * self.settings.hop_length;
            let windowed = sound[start..].iter().zip(&self.window).map(|(sample, weight)| sample * weight);
            let powers = self.spectrum.powers(&windowed.collect::<Vec<f64>>());
            for (bin, filter) in self.filters.iter().enumerate() {
                features[bin * frames + frame] = filter.apply(&powers).max(FLOOR).log10() as f32;
            }
        }
        let largest = features.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        features.iter_mut().for_each(|value| *value = (value.max(largest - RANGE) + 4.0) / 4.0);
        features
    }

    /// As many samples as the features need, with half a window of them reflected at either end.
    fn padded(&self, samples: &[f32]) -> Vec<f64> {
        let (count, half) = (self.settings.samples(), self.settings.n_fft / 2);
        let sample = |i: usize| f64::from(samples.get(i).copied().unwrap_or(self.settings.padding_value));
        let before = (1..=half).rev();
        let after = (1..=half).map(|i| count - 1 - i);
        before.chain(0..count).chain(after).map(sample).collect()
    }
}
