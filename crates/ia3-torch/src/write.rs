//! Writing a file as `torch.save` does: a dictionary of float32 tensors.
//!
//! The pickle is what Python's pickler makes of it (protocol 2), byte for byte; `torch.load` reads the file with
//! `weights_only=True`.

use std::collections::HashMap;
use std::io::{self, Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

const ROOT: &str = "archive";
/// The alignment of storages in PyTorch's archives.
const ALIGNMENT: u16 = 64;
/// How many items Python's pickler sets with one opcode.
const BATCH: usize = 1000;

/// A tensor to write. Each has its own storage.
#[derive(Debug)]
pub struct TorchTensor<'a> {
    key: String,
    shape: [usize; 2],
    values: &'a [f32],
}

impl<'a> TorchTensor<'a> {
    /// A tensor `[n, 1]`.
    pub fn column(key: String, values: &'a [f32]) -> Self {
        Self { key, shape: [values.len(), 1], values }
    }
}

/// Writes a dictionary of tensors, in the order given.
///
/// # Errors
///
/// The error of `out`, and one for a file of more than 4 GiB.
pub fn write_torch(out: &mut dyn Write, tensors: &[TorchTensor]) -> io::Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    entry(&mut zip, "data.pkl", &pickle(tensors)?)?;
    entry(&mut zip, "byteorder", b"little")?;
    for (i, tensor) in tensors.iter().enumerate() {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        entry(&mut zip, &format!("data/{i}"), &bytes)?;
    }
    entry(&mut zip, "version", b"3\n")?;
    out.write_all(zip.finish().map_err(io::Error::other)?.get_ref())
}

fn entry(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .with_alignment(ALIGNMENT);
    zip.start_file(format!("{ROOT}/{name}"), options).map_err(io::Error::other)?;
    zip.write_all(bytes)
}

fn pickle(tensors: &[TorchTensor]) -> io::Result<Vec<u8>> {
    let mut pickler = Pickler { bytes: vec![0x80, 2, b'}'], ..Pickler::default() };
    pickler.remember();
    // A dictionary of one item has no mark.
    let marked = tensors.len() > 1;
    for (batch, items) in tensors.chunks(BATCH).enumerate() {
        pickler.bytes.extend(marked.then_some(b'('));
        for (i, tensor) in items.iter().enumerate() {
            pickler.new_text(&tensor.key)?;
            pickler.tensor(batch * BATCH + i, tensor)?;
        }
        pickler.bytes.push(if marked { b'u' } else { b's' });
    }
    // After a full batch, Python's pickler starts another one, even if it is empty.
    if marked && tensors.len().is_multiple_of(BATCH) {
        pickler.bytes.extend(b"(u");
    }
    pickler.bytes.push(b'.');
    Ok(pickler.bytes)
}

/// The state of Python's pickler. Every object except numbers gets the next number of the memo.
#[derive(Default)]
struct Pickler {
    bytes: Vec<u8>,
    objects: u32,
    /// The memo numbers of constants that have been written.
    memo: HashMap<&'static str, u32>,
}

impl Pickler {
    fn tensor(&mut self, index: usize, tensor: &TorchTensor) -> io::Result<()> {
        let len = tensor.values.len();
        self.constant("ctorch._utils\n_rebuild_tensor_v2\n");
        self.bytes.extend(b"((");
        self.constant("X\x07\0\0\0storage");
        self.constant("ctorch\nFloatStorage\n");
        self.new_text(&index.to_string())?;
        self.constant("X\x03\0\0\0cpu");
        self.int(len)?;
        self.bytes.push(b't');
        self.remember();
        self.bytes.push(b'Q');
        self.int(0)?;
        self.pair(tensor.shape)?;
        self.pair([tensor.shape[1], 1])?;
        self.bytes.push(0x89);
        self.constant("ccollections\nOrderedDict\n");
        self.bytes.extend(b")R");
        self.remember();
        for opcode in [b't', b'R'] {
            self.bytes.push(opcode);
            self.remember();
        }
        Ok(())
    }

    /// Writes an object that occurs many times: in full once, then by its memo number.
    fn constant(&mut self, bytes: &'static str) {
        match self.memo.get(bytes) {
            Some(&number) => self.numbered([b'h', b'j'], number),
            None => {
                self.memo.insert(bytes, self.objects);
                self.bytes.extend(bytes.as_bytes());
                self.remember();
            }
        }
    }

    fn new_text(&mut self, text: &str) -> io::Result<()> {
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.bytes.push(b'X');
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(text.as_bytes());
        self.remember();
        Ok(())
    }

    fn pair(&mut self, values: [usize; 2]) -> io::Result<()> {
        values.into_iter().try_for_each(|value| self.int(value))?;
        self.bytes.push(0x86);
        self.remember();
        Ok(())
    }

    fn int(&mut self, value: usize) -> io::Result<()> {
        match (u8::try_from(value), u16::try_from(value), i32::try_from(value)) {
            (Ok(value), ..) => self.bytes.extend([b'K', value]),
            (_, Ok(value), _) => self.bytes.extend([&b"M"[..], &value.to_le_bytes()].concat()),
            (.., Ok(value)) => self.bytes.extend([&b"J"[..], &value.to_le_bytes()].concat()),
            (.., Err(error)) => return Err(io::Error::other(error)),
        }
        Ok(())
    }

    fn remember(&mut self) {
        self.numbered([b'q', b'r'], self.objects);
        self.objects += 1;
    }

    /// Writes an opcode with a memo number, in the short form if the number fits.
    fn numbered(&mut self, [short, long]: [u8; 2], number: u32) {
        match u8::try_from(number) {
            Ok(number) => self.bytes.extend([short, number]),
            Err(_) => {
                self.bytes.push(long);
                self.bytes.extend(number.to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends that Python 3.11's pickler writes.
    #[test]
    fn items_are_set_in_batches_as_by_python() {
        for (len, end, marks) in
            [(0, "}q\0.", 0), (1, "Rq\x0ds.", 0), (2, "u.", 1), (1000, "u(u.", 2), (1001, "u.", 2)]
        {
            let tensor = |i| TorchTensor::column(format!("{i:04}"), &[1.0]);
            let pickle = pickle(&(0..len).map(tensor).collect::<Vec<_>>()).unwrap();
            assert!(pickle.ends_with(end.as_bytes()), "{len}");
            let key = |opcode: u8| move |bytes: &&[u8]| bytes[0] == opcode && bytes[1..] == *b"X\x04\0\0\0";
            let begun = pickle.windows(6).filter(key(b'(')).count() + pickle.ends_with(b"(u.") as usize;
            assert_eq!(begun, marks, "{len}");
        }
    }
}
