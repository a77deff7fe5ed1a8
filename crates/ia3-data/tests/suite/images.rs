//! Image files beside what transformers' processors make of them with Pillow (`fixtures/oracle/gen_images.py`).

use std::path::{Path, PathBuf};

use ia3_data::{Fields, ImageProcessor, ImageRows, ModelKind, Pixels, Target};
use ia3_testing::fixture;
use safetensors::SafeTensors;
use serde_json::Value;

/// Decoders of JPEG round differently: the largest difference of a byte after resizing.
const JPEG: u8 = 3;

struct Case {
    name: String,
    image: PathBuf,
    config: String,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(fixture("images/cases.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let case = |(name, case): (&String, &Value)| Case {
        name: name.clone(),
        image: fixture("images").join(case["image"].as_str().unwrap()),
        config: case["config"].to_string(),
    };
    all["cases"].as_object().unwrap().iter().map(case).collect()
}

/// The shape, the bytes and the numbers that transformers gives.
fn expected(name: &str) -> ([usize; 3], Vec<u8>, Vec<f32>) {
    let file = std::fs::read(fixture("images/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let bytes = tensors.tensor(&format!("{name}.bytes")).unwrap();
    let values = tensors.tensor(&format!("{name}.values")).unwrap();
    let float = |chunk: &[u8]| f32::from_le_bytes(chunk.try_into().unwrap());
    let shape = bytes.shape().try_into().unwrap();
    (shape, bytes.data().to_vec(), values.data().chunks(4).map(float).collect())
}

#[test]
fn images_become_the_numbers_of_transformers() {
    for Case { name, image, config } in cases() {
        let ([channels, height, width], bytes, values) = expected(&name);
        let processor = ImageProcessor::from_json(&config, "vit", channels).unwrap();
        let got = processor.read(&image, [height, width]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(got.shape, [channels, height, width], "{name}");
        let worst = got.bytes.iter().zip(&bytes).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        println!("{name}: a byte differs by {worst}");
        if image.extension().is_some_and(|kind| kind == "jpg") {
            assert!(worst <= JPEG, "{name}: {worst}");
            continue;
        }
        assert_eq!(worst, 0, "{name}");
        assert_eq!(got.values(), values, "{name}");
    }
}

const SQUARE: &str = r#"{"size": 6, "do_normalize": false, "do_rescale": false}"#;

fn problem(result: Result<Pixels, impl std::fmt::Display>) -> String {
    result.map(drop).unwrap_err().to_string()
}

#[test]
fn a_model_of_one_channel_reads_the_brightness() {
    let processor = ImageProcessor::from_json(SQUARE, "vit", 1).unwrap();
    let grey = processor.read(&fixture("images/wide.png"), [6, 6]).unwrap();
    assert_eq!(grey.shape, [1, 6, 6]);
}

#[test]
fn what_is_not_supported_is_named() {
    let read = |json: &str| ImageProcessor::from_json(json, "vit", 3).unwrap_err().to_string();
    let expected = [
        (r#"{"do_pad": true}"#, "`do_pad` is true in preprocessor_config.json, expected false"),
        (
            r#"{"resample": 0}"#,
            "`resample` is 0 in preprocessor_config.json, expected 1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
        ),
        (
            r#"{"image_processor_type": "BitImageProcessor"}"#,
            "`image_processor_type` is BitImageProcessor in",
        ),
        (r#"{"size": {"longest_edge": 8}}"#, "`size` is NamedSides"),
        (r#"{"size": 0}"#, "`size` is Sides([0, 0]) in"),
        (r#"{"image_mean": [0.5]}"#, "`image_mean` is "),
        (r#"{"image_std": 0.0}"#, "`image_std` is 0 for a channel in"),
        ("[", "preprocessor_config.json is not the description of an image processor: "),
    ];
    for (json, start) in expected {
        assert!(read(json).starts_with(start), "{json}: {}", read(json));
    }
    let missing = ImageProcessor::open(&fixture("vit/base"), "vit", 3).unwrap_err().to_string();
    assert!(missing.contains("has no preprocessor_config.json"), "{missing}");
}

#[test]
fn files_that_are_no_images_or_have_another_size_are_named() {
    let processor = ImageProcessor::from_json(SQUARE, "vit", 3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.png");
    std::fs::write(&text, "no image").unwrap();
    let wrong = problem(processor.read(&text, [6, 6]));
    assert!(
        wrong.contains("text.png is no image that can be read: ") && wrong.contains("PNG or JPEG"),
        "{wrong}"
    );
    let absent = problem(processor.read(&dir.path().join("absent.png"), [6, 6]));
    assert!(absent.contains("absent.png"), "{absent}");
    let other = problem(processor.read(&fixture("images/wide.png"), [8, 8]));
    assert!(
        other.contains("becomes an image of 6 by 6 pixels (height by width), expected 8 by 8"),
        "{other}"
    );
}

/// A file whose head promises more pixels than are read.
#[test]
fn a_bomb_is_refused_before_it_is_decoded() {
    let mut png = std::fs::read(fixture("images/small.png")).unwrap();
    png[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let dir = tempfile::tempdir().unwrap();
    let bomb = dir.path().join("bomb.png");
    std::fs::write(&bomb, png).unwrap();
    let processor = ImageProcessor::from_json(SQUARE, "vit", 3).unwrap();
    let refused = problem(processor.read(&bomb, [6, 6]));
    assert!(refused.contains("bomb.png is no image that can be read: "), "{refused}");
    assert!(refused.to_lowercase().contains("limit") || refused.contains("memory"), "{refused}");
}

/// The checksum of a chunk of a PNG file.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
}

fn rows(text: &str, dir: &Path) -> Result<Vec<ia3_data::Example>, String> {
    for file in ["wide.png", "tall.png"] {
        std::fs::copy(fixture("images").join(file), dir.join(file)).unwrap();
    }
    let data = dir.join("data.jsonl");
    std::fs::write(&data, text).unwrap();
    let processor = ImageProcessor::from_json(SQUARE, "vit", 3).unwrap();
    let fields = Fields::new().with_label_names(["cat", "dog"]);
    let rows = ImageRows::new(processor, [6, 6], ModelKind::Classifier, fields);
    rows.read(&data).map_err(|error| error.to_string())
}

#[test]
fn rows_name_images_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let good = "{\"image\": \"wide.png\", \"label\": 1}\n{\"image\": \"tall.png\", \"label\": \"cat\"}\n";
    let examples = rows(good, dir.path()).unwrap();
    let names: Vec<&str> = examples.iter().map(|e| e.pixels.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["wide.png", "tall.png"]);
    assert_eq!((&examples[0].target, &examples[1].target), (&Target::Class(1), &Target::Class(0)));
    let missing =
        rows("{\"image\": \"wide.png\", \"label\": 0}\n{\"image\": \"no.png\", \"label\": 0}\n", dir.path());
    let missing = missing.unwrap_err();
    assert!(missing.contains("data.jsonl, line 2: ") && missing.contains("no.png"), "{missing}");
    let nameless = rows("{\"picture\": \"wide.png\", \"label\": 0}\n", dir.path()).unwrap_err();
    assert!(nameless.contains("the row has no field `image`; it has `picture`, `label`"), "{nameless}");
}

/// Such an image would take a gigabyte before its size is refused.
#[test]
fn a_size_that_the_model_does_not_read_is_refused_before_the_image_is_made() {
    let image = cases()[0].image.clone();
    for (fields, found) in [
        (r#"{"do_center_crop": true, "crop_size": 16000, "size": 16}"#, "16000"),
        (r#"{"do_center_crop": false, "size": {"height": 16000, "width": 16000}}"#, "16000"),
    ] {
        let processor = ImageProcessor::from_json(fields, "clip", 3).unwrap();
        let error = processor.read(&image, [16, 16]).unwrap_err().to_string();
        assert!(error.contains(found), "{error}");
    }
}
