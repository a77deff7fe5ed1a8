//! Files of `torch.save`, put together byte by byte.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A zip archive with these entries.
pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A tensor as the pickle describes it.
#[derive(serde::Deserialize)]
pub struct Tensor {
    pub storage: String,
    pub key: String,
    pub len: i32,
    pub offset: i32,
    pub shape: Vec<i32>,
    pub strides: Vec<i32>,
}

impl Default for Tensor {
    /// Three float32 values `[3, 1]` in the storage `0`.
    fn default() -> Self {
        Self {
            storage: "FloatStorage".into(),
            key: "0".into(),
            len: 3,
            offset: 0,
            shape: vec![3, 1],
            strides: vec![1, 1],
        }
    }
}

pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(value: i32) -> Vec<u8> {
    [b"J", &value.to_le_bytes()[..]].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

fn ints(values: &[i32]) -> Vec<u8> {
    tuple(&values.iter().map(|value| int(*value)).collect::<Vec<_>>())
}

impl Tensor {
    pub fn pickle(&self) -> Vec<u8> {
        let storage = format!("ctorch\n{}\n", self.storage).into_bytes();
        let id = tuple(&[text("storage"), storage, text(&self.key), text("cpu"), int(self.len)]);
        let (shape, strides) = (ints(&self.shape), ints(&self.strides));
        let hooks = b"ccollections\nOrderedDict\n)R".to_vec();
        let storage = [id, b"Q".to_vec()].concat();
        let args = tuple(&[storage, int(self.offset), shape, strides, vec![0x89], hooks]);
        [b"ctorch._utils\n_rebuild_tensor_v2\n", args.as_slice(), b"R"].concat()
    }
}

/// The pickle of a dictionary.
pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> = items.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"\x80\x02}(", items.as_slice(), b"u."].concat()
}

/// A file with a pickle and a storage of three float32 values.
pub fn torch_file(pickle: &[u8]) -> Vec<u8> {
    let storage: Vec<u8> = [1f32, 2., 3.].iter().flat_map(|x| x.to_le_bytes()).collect();
    archive(&[("archive/data.pkl", pickle), ("archive/byteorder", b"little"), ("archive/data/0", &storage)])
}
