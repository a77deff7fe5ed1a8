//! Features of generated signals beside those of transformers (`fixtures/oracle/gen_audio.py`).

use std::f64::consts::PI;

use ia3_data::audio::LogMel;
use ia3_testing::fixture;
use safetensors::SafeTensors;
use serde_json::Value;

const RATE: f64 = 16_000.0;

/// The signals of the oracle.
fn signal(name: &str, count: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        0.1 * (f64::from(state) / 2f64.powi(31) - 1.0)
    };
    let value = |i: usize| {
        let t = i as f64 / RATE;
        match name {
            "sweep" => 0.8 * (2.0 * PI * (50.0 * t + 1900.0 * t * t)).sin(),
            "tone" => 0.01 * (2.0 * PI * 440.0 * t).sin(),
            "noise" => noise(),
            "silence" => 0.0,
            other => panic!("no signal {other}"),
        }
    };
    (0..count).map(value).map(|value| value as f32).collect()
}

#[test]
fn features_are_those_of_transformers() {
    let dir = fixture("audio");
    let cases: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(dir.join("cases.json")).unwrap()).unwrap();
    let bytes = std::fs::read(dir.join("features.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut largest = 0f32;
    for case in &cases {
        let settings = serde_json::to_string(&case["settings"]).unwrap();
        std::fs::write(folder.path().join("preprocessor_config.json"), settings).unwrap();
        let log_mel = LogMel::open(folder.path()).unwrap();
        let name = case["name"].as_str().unwrap();
        let shape = [&case["shape"][0], &case["shape"][1]].map(|n| n.as_u64().unwrap() as usize);
        assert_eq!([log_mel.bins(), log_mel.frames()], shape, "{name}");
        let sound = signal(case["signal"].as_str().unwrap(), case["samples"].as_u64().unwrap() as usize);
        let features = log_mel.features(&sound);
        assert_eq!(features.len(), shape[0] * shape[1], "{name}");
        let frames: Vec<usize> =
            case["frames"].as_array().unwrap().iter().map(|frame| frame.as_u64().unwrap() as usize).collect();
        let values = expected.tensor(name).unwrap().data().chunks_exact(4);
        let values: Vec<f32> = values.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(values.len(), frames.len() * shape[0], "{name}");
        for (i, expected) in values.iter().enumerate() {
            let (bin, frame) = (i / frames.len(), frames[i % frames.len()]);
            let difference = (features[bin * shape[1] + frame] - expected).abs();
            assert!(difference < 1e-4, "{name}: bin {bin} of frame {frame} differs by {difference}");
            largest = largest.max(difference);
        }
    }
    println!("largest difference of a feature {largest:.1e}");
    assert_eq!(cases.len(), 7);
}
