use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use ia3_guard::open;

use crate::error::DataError;

/// The largest WAV file that is read. It has more than half an hour of 16 kHz.
const LIMIT: u64 = 64 << 20;

/// The sound of a WAV file, in one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// The samples, from -1 to 1. Several channels are averaged.
    pub samples: Vec<f32>,
    /// The number of samples of a second.
    pub sampling_rate: u32,
    path: PathBuf,
}

impl Sound {
    /// Reads a WAV file with samples of 8 to 32 bits, or of float32.
    ///
    /// # Errors
    ///
    /// [`DataError::Sound`], which names the file: it is no WAV file, is cut off or too large, has no samples, or has a sample that
    /// is not a number.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        Self::read_wav(path).map_err(|reason| DataError::Sound { path: path.into(), reason })
    }

    /// The length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sampling_rate)
    }

    /// The samples, where they have the rate `sampling_rate` and are no longer than `seconds`.
    ///
    /// # Errors
    ///
    /// [`DataError::Sound`], which names a command that makes another file.
    pub fn expect(&self, sampling_rate: u32, seconds: f64) -> Result<&[f32], DataError> {
        let reason = if self.sampling_rate != sampling_rate {
            format!(
                "it has {} samples a second, but the model reads {sampling_rate}; convert it with `ffmpeg -i FILE -ar {sampling_rate} -ac 1 OTHER.wav`",
                self.sampling_rate
            )
        } else if self.seconds() > seconds {
            format!(
                "it has {:.1} s, but the model reads {seconds} s at a time; cut it with `ffmpeg -i FILE -f segment -segment_time {seconds} PART%03d.wav`",
                self.seconds()
            )
        } else {
            return Ok(&self.samples);
        };
        Err(DataError::Sound { path: self.path.clone(), reason })
    }

    fn read_wav(path: &Path) -> Result<Self, String> {
        let file = open(path).map_err(|error| error.reason().to_string())?;
        let bytes = file.metadata().map_err(|error| error.to_string())?.len();
        if bytes > LIMIT {
            return Err(format!(
                "it has {bytes} bytes, more than the {LIMIT} bytes that are read of a WAV file"
            ));
        }
        let mut reader = WavReader::new(BufReader::new(file)).map_err(not_wav)?;
        let spec = reader.spec();
        if spec.sample_rate == 0 {
            return Err("it has no samples a second".into());
        }
        let samples = samples(&mut reader)?;
        if samples.is_empty() {
            return Err("it has no samples".into());
        }
        let channels = usize::from(spec.channels);
        let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
        let samples = samples.chunks(channels).map(mean).collect();
        Ok(Self { samples, sampling_rate: spec.sample_rate, path: path.into() })
    }
}

/// The samples of all channels, one after the other.
fn samples(reader: &mut WavReader<impl Read>) -> Result<Vec<f32>, String> {
    let spec = reader.spec();
    let samples: Result<Vec<f32>, _> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let scale = 2f32.powi(1 - i32::from(spec.bits_per_sample));
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 * scale)).collect()
        }
    };
    let samples = samples.map_err(not_wav)?;
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(samples),
        Some(at) => Err(format!("sample {at} is {}, which is no number", samples[at])),
    }
}

fn not_wav(error: hound::Error) -> String {
    format!(
        "it is no WAV file that can be read: {error}; convert it with `ffmpeg -i FILE -ar 16000 -ac 1 OTHER.wav`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};

    fn write(path: &Path, channels: u16, samples: &[i16]) {
        let sample_format = SampleFormat::Int;
        let spec = WavSpec { channels, sample_rate: 16_000, bits_per_sample: 16, sample_format };
        let mut writer = WavWriter::create(path, spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
    }

    fn error(path: &Path) -> String {
        Sound::read(path).unwrap_err().to_string()
    }

    #[test]
    fn channels_are_averaged_and_samples_lie_between_minus_one_and_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("two.wav");
        write(&path, 2, &[-32768, 0, 16384, 8192]);
        let sound = Sound::read(&path).unwrap();
        assert_eq!((sound.samples.as_slice(), sound.sampling_rate), (&[-0.5, 0.375][..], 16_000));
        assert_eq!(sound.expect(16_000, 30.0).unwrap(), [-0.5, 0.375]);
        let rate = sound.expect(8_000, 30.0).unwrap_err().to_string();
        assert!(rate.contains("has 16000 samples a second, but the model reads 8000"), "{rate}");
        let long = sound.expect(16_000, 0.0001).unwrap_err().to_string();
        assert!(long.contains("at a time; cut it with `ffmpeg"), "{long}");
    }

    #[test]
    fn what_is_no_sound_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        assert!(error(&path).contains("No such file") || error(&path).contains("cannot find"));
        std::fs::write(&path, b"OggS").unwrap();
        assert!(error(&path).contains("it is no WAV file that can be read"), "{}", error(&path));
        write(&path, 1, &[]);
        assert!(error(&path).ends_with("it has no samples"), "{}", error(&path));
        write(&path, 1, &[1; 100]);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(error(&path).contains("it is no WAV file that can be read"), "{length}");
        }
        let mut none = bytes.clone();
        none[22..24].fill(0);
        std::fs::write(&path, none).unwrap();
        assert!(error(&path).contains("it is no WAV file that can be read"), "{}", error(&path));
    }

    #[test]
    fn a_sample_that_is_no_number_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nan.wav");
        let sample_format = SampleFormat::Float;
        let spec = WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 32, sample_format };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        [0.5f32, f32::NAN].into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        assert!(error(&path).ends_with("sample 1 is NaN, which is no number"), "{}", error(&path));
    }
}
