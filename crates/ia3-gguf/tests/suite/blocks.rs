//! Every type is decoded and quantised as the package `gguf` does, to the bit.

use crate::common::fixture;
use ia3_gguf::{GgufFile, Value};
use safetensors::SafeTensors;

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = tensors.tensor(name).unwrap();
    bytes.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn every_type_is_decoded_to_the_bit() {
    let file = GgufFile::open(fixture("blocks.gguf")).unwrap();
    let expected = std::fs::read(fixture("blocks.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    assert_eq!(file.tensors().len(), 15);
    for tensor in file.tensors() {
        assert_eq!((tensor.columns(), tensor.rows()), (512, 3));
        let (found, expected) = (file.decode(tensor).unwrap(), floats(&expected, &tensor.name));
        assert_eq!(found.len(), expected.len());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            // A zero may have another sign, because numpy multiplies in another order.
            let same = found.to_bits() == expected.to_bits() || (*found == 0.0 && *expected == 0.0);
            assert!(same, "{}, value {i}: {found} instead of {expected}", tensor.name);
        }
    }
}

/// `scale · integer + minimum` in float32 is what ggml computes, so the integers lose nothing.
#[test]
fn integers_with_their_scales_and_minima_are_the_decoded_values_to_the_bit() {
    let file = GgufFile::open(fixture("blocks.gguf")).unwrap();
    let mut compared = 0;
    for tensor in file.tensors() {
        let format = tensor.kind.format.unwrap();
        let Some(found) = file.tensor_integers(tensor).unwrap() else {
            assert!(format.is_float());
            continue;
        };
        let (decoded, part) = (file.decode(tensor).unwrap(), found.format.part);
        assert_eq!((found.values.len(), found.scales.len()), (512 * 3, 512 * 3 / part));
        let (low, high) = found.format.range;
        assert!(found.values.iter().all(|value| (low..=high).contains(value)), "{}", tensor.name);
        for (i, (value, decoded)) in found.values.iter().zip(&decoded).enumerate() {
            let product = found.scales[i / part] * f32::from(*value);
            let value = found.minima.get(i / part).map_or(product, |minimum| product + minimum);
            assert_eq!(value.to_bits(), decoded.to_bits(), "{}, value {i}", tensor.name);
        }
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[test]
fn values_are_quantised_as_the_reference_does() {
    let file = GgufFile::open(fixture("blocks.gguf")).unwrap();
    let expected = std::fs::read(fixture("blocks.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let mut compared = 0;
    for tensor in file.tensors() {
        let format = tensor.kind.format.unwrap();
        assert_eq!(format.can_encode(), expected.tensor(&format!("{}.values", tensor.name)).is_ok());
        if !format.can_encode() {
            continue;
        }
        let values = floats(&expected, &format!("{}.values", tensor.name));
        let (mut stored, mut encoded) = (vec![0; tensor.bytes as usize], vec![0; tensor.bytes as usize]);
        file.read_at(file.start(tensor), &mut stored).unwrap();
        assert!(format.encode(&values, &mut encoded));
        // The scale of a block of zeros may be −0.
        let (mut a, mut b) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        format.decode(&stored, &mut a);
        format.decode(&encoded, &mut b);
        assert_eq!(a, b, "{}", tensor.name);
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn values_of_every_type_and_arrays_are_read() {
    let file = GgufFile::open(fixture("blocks.gguf")).unwrap();
    let metadata = file.metadata();
    for name in ["uint8", "uint16", "uint32", "uint64"] {
        assert_eq!(metadata.unsigned(&format!("test.{name}")).unwrap(), Some(7));
    }
    for name in ["int8", "int16", "int32", "int64"] {
        let value = metadata.get(&format!("test.{name}")).unwrap();
        assert!(matches!(value, Value::Integer(_, -7)), "{value:?}");
        assert!(metadata.unsigned(&format!("test.{name}")).is_err());
    }
    assert_eq!(metadata.float("test.float32").unwrap(), Some(f64::from(0.1_f32)));
    assert_eq!(metadata.float("test.float64").unwrap(), Some(0.1));
    assert_eq!(metadata.get("test.float32").unwrap().to_string(), "0.1");
    assert_eq!(metadata.flag("test.bool").unwrap(), Some(true));
    assert_eq!(metadata.text("test.text").unwrap(), Some("größe\n"));
    assert_eq!(file.texts("test.texts").unwrap().unwrap(), ["a", "", "größe"]);
    assert_eq!(file.integers("test.integers").unwrap().unwrap(), [1, -2, 3]);
    assert_eq!(file.floats("test.floats").unwrap().unwrap(), [0.5, -1.5]);
    assert_eq!(file.texts("test.none").unwrap(), None);
    let wrong = file.texts("test.integers").unwrap_err().to_string();
    assert!(
        wrong.ends_with("the key `test.integers` holds an array of another type, expected an array of texts")
    );
    let wrong = metadata.flag("test.text").unwrap_err().to_string();
    assert!(wrong.ends_with("the key `test.text` holds a text, expected a boolean"), "{wrong}");
}
