use serde::{Deserialize, Serialize};

/// The features of a sound as a model of speech reads them. The frames behind the end of the sound, which all hold the same number,
/// take no memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoundFeatures {
    /// Where the sound comes from, as the data name it.
    pub name: String,
    /// The number of values of a frame, and the number of frames.
    pub shape: [usize; 2],
    /// The values of the frames that hold sound, bin by bin: `[bins, frames with sound]`.
    pub values: Vec<f32>,
    /// The number that all values of the other frames have.
    pub rest: f32,
}

impl SoundFeatures {
    /// The features `[bins, frames]` of the sound `name`, bin by bin.
    ///
    /// # Panics
    ///
    /// Panics if there are not `bins · frames` features, or none.
    pub fn new(name: impl Into<String>, shape: [usize; 2], features: &[f32]) -> Self {
        let [bins, frames] = shape;
        assert!(bins * frames == features.len() && !features.is_empty(), "features have the shape {shape:?}");
        let rest = features[frames - 1];
        let holds_sound = |frame: &usize| (0..bins).any(|bin| features[bin * frames + frame] != rest);
        let kept = (0..frames).rev().find(holds_sound).map_or(0, |last| last + 1);
        let values = features.chunks(frames).flat_map(|bin| &bin[..kept]).copied().collect();
        Self { name: name.into(), shape, values, rest }
    }

    /// The features `[bins, frames]`, bin by bin.
    pub fn features(&self) -> Vec<f32> {
        let [bins, frames] = self.shape;
        let kept = self.values.len() / bins.max(1);
        let bin = |bin: usize| {
            let sound = self.values[bin * kept..][..kept].iter().copied();
            sound.chain(std::iter::repeat_n(self.rest, frames.saturating_sub(kept)))
        };
        (0..bins).flat_map(bin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_sound_take_no_memory() {
        let features = [1.0, 2.0, 0.5, 0.5, 0.5, 3.0, 0.5, 0.5];
        let sound = SoundFeatures::new("a.wav", [2, 4], &features);
        assert_eq!(sound.values, [1.0, 2.0, 0.5, 3.0]);
        assert_eq!(sound.features(), features);
        let silence = SoundFeatures::new("b.wav", [2, 2], &[0.5; 4]);
        assert_eq!((silence.values.len(), silence.features()), (0, vec![0.5; 4]));
        let full = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(SoundFeatures::new("c.wav", [2, 2], &full).features(), full);
    }
}
