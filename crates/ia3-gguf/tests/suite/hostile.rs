//! Damaged and hostile files are refused with a message, before memory is taken for what they announce.

use crate::common::{Builder, text};
use ia3_gguf::GgufFile;

fn problem(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let problem = GgufFile::open(file.path()).map(|file| format!("{file:?}")).unwrap_err().to_string();
    problem.replace(&file.path().display().to_string(), "F")
}

fn good() -> Builder {
    Builder::of("llama").f32("a", &[2, 2], &[1.0; 4])
}

#[test]
fn what_is_no_gguf_file_of_version_2_or_3_is_named() {
    assert_eq!(problem(b"hello"), "`F` is not a GGUF file: it does not begin with `GGUF`; check the path");
    assert!(problem(b"").contains("is empty"));
    assert!(problem(b"PK\x03\x04").contains("zip archive"));
    assert!(problem(b"GGUF").contains("ends too early: the version at byte 4 needs 4 bytes, 0 are left"));
    let mut bytes = good().bytes();
    bytes[4] = 1;
    assert!(problem(&bytes).contains("has version 1 of GGUF, expected 2 or 3"));
    bytes[4..8].copy_from_slice(&[0, 0, 0, 3]);
    assert!(problem(&bytes).contains("is a big-endian GGUF file"));
}

#[test]
fn every_cut_is_an_error() {
    let bytes = good().alignment(32).bytes();
    for len in 0..bytes.len() {
        let problem = problem(&bytes[..len]);
        assert!(!problem.is_empty() && problem.len() < 400, "{len}: {problem}");
    }
}

#[test]
fn counts_are_compared_with_the_file_and_with_limits() {
    let good = good();
    assert_eq!(
        problem(&good.with_counts(1, 1 << 40)),
        "`F`: the number of keys is 1099511627776, more than the limit of 65536"
    );
    assert!(problem(&good.with_counts(1 << 63, 2)).contains("the number of tensors is 9223372036854775808"));
    assert!(problem(&good.with_counts(60_000, 2)).contains("that the header announces at byte 24 needs"));
}

#[test]
fn lengths_of_texts_and_arrays_are_compared_with_the_file() {
    let long = |kind: u32, head: &[u8]| problem(&Builder::new().key("k", kind, head).bytes());
    let most = u64::MAX.to_le_bytes();
    assert!(long(8, &most).contains("the key `k` at byte"), "{}", long(8, &most));
    for elements in [0_u32, 1, 4, 6, 8, 10, 12] {
        let array: Vec<u8> = [&elements.to_le_bytes()[..], &most].concat();
        assert!(long(9, &array).contains("ends too early: the key `k`"), "{}", long(9, &array));
    }
    let nested: Vec<u8> = [&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes(), &9_u32.to_le_bytes()].concat();
    assert!(long(9, &nested).ends_with("the key `k` is an array of arrays, which is not read"));
    assert!(long(13, &[]).ends_with("the key `k` has the type 13, expected 0 to 12"));
    assert!(long(7, &[2]).ends_with("the key `k` is a boolean of 2, expected 0 or 1"));
    let not_text: Vec<u8> = [&1_u64.to_le_bytes()[..], &[0xff]].concat();
    assert!(long(8, &not_text).ends_with("the key `k` is not text: byte 0 is not valid UTF-8"));
    let twice = Builder::new().key("k", 7, &[1]).key("k", 7, &[1]).bytes();
    assert!(problem(&twice).ends_with("the key `k` is in the file twice"));
    let escaped = Builder::new().key("k\u{1b}[2J", 13, &[]).bytes();
    assert!(problem(&escaped).contains(r"the key `k\u{1b}[2J`"), "{}", problem(&escaped));
}

#[test]
fn a_text_beyond_the_limit_is_refused() {
    let long = text(&"a".repeat((4 << 20) + 1));
    let problem = problem(&Builder::new().key("k", 8, &long).bytes());
    assert_eq!(problem, "`F`: the length of the key `k` is 4194305, more than the limit of 4194304");
}

#[test]
fn alignments_are_powers_of_two() {
    for bad in [0, 3, 48, 1 << 31] {
        let problem = problem(&good().key("general.alignment", 4, &u32::to_le_bytes(bad)).bytes());
        assert!(problem.contains("expected a power of two up to 1048576"), "{problem}");
    }
    let wrong = problem(&good().key("general.alignment", 10, &32_u64.to_le_bytes()).bytes());
    assert!(wrong.contains("holds a 64-bit unsigned integer, expected a 32-bit unsigned integer"), "{wrong}");
}

#[test]
fn tensors_are_checked() {
    let bad = |dims: &[u64], kind: u32, offset: u64| problem(&good().info("b", dims, kind, offset).bytes());
    assert!(bad(&[], 0, 32).ends_with("tensor `b` has 0 dimensions, expected 1 to 4"));
    assert!(bad(&[1; 5], 0, 32).ends_with("tensor `b` has 5 dimensions, expected 1 to 4"));
    assert!(bad(&[0, 2], 0, 32).ends_with("has the dimensions [0, 2], one of which is 0"));
    assert!(bad(&[1 << 40, 1 << 40], 0, 32).contains("more than any file can hold"));
    assert!(bad(&[1 << 63, 2, 2, 2], 0, 32).contains("more than any file can hold"));
    assert!(
        bad(&[33], 8, 32).contains("rows of 33 values, which blocks of 32 values of type Q8_0 do not fill")
    );
    assert!(bad(&[2], 99, 32).ends_with("tensor `b` has the unknown type 99"));
    assert!(bad(&[2], 4, 32).ends_with("tensor `b` has the unknown type 4"));
    assert!(bad(&[2], 0, 8).contains("begins at 8, which is no multiple of the alignment of 32"));
    assert!(
        bad(&[2], 0, 0).ends_with("overlaps tensor `a`") || bad(&[2], 0, 0).ends_with("overlaps tensor `b`")
    );
    assert!(bad(&[2], 0, 1 << 40).contains("but the file has 16 bytes of tensors"));
    assert!(bad(&[2], 0, u64::MAX - 31).contains("but the file has 16 bytes of tensors"));
    let twice = good().info("a", &[1], 0, 32).bytes();
    assert!(problem(&twice).ends_with("tensor `a` is in the file twice"));
    let long = good().info(&"n".repeat(256), &[1], 0, 32).bytes();
    assert!(problem(&long).contains("the length of the name of a tensor is 256, more than the limit of 255"));
}

#[test]
fn a_good_file_is_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), good().alignment(64).bytes()).unwrap();
    let file = GgufFile::open(file.path()).unwrap();
    assert_eq!((file.version(), file.alignment(), file.metadata().len()), (3, 64, 3));
    assert_eq!(file.decode(file.tensor("a").unwrap()).unwrap(), [1.0; 4]);
}
