//! The format of a file by its first bytes, for files that are not what their name says.

use std::fmt;

/// The format of a file that should have been a safetensors or JSON file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// An empty file.
    Empty,
    /// A git-LFS pointer, which takes the place of the file until that is fetched.
    LfsPointer,
    /// A web page, the result of a failed download.
    Html,
    /// A Python pickle, which PyTorch wrote before version 1.6.
    Pickle,
    /// A zip archive, which PyTorch writes since version 1.6.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A GGUF file of llama.cpp.
    Gguf,
    /// An HDF5 file of TensorFlow.
    Hdf5,
    /// A Parquet file, a table in columns.
    Parquet,
    /// A file of Arrow, a table in columns.
    Arrow,
    /// A safetensors file.
    Safetensors,
    /// JSON, such as an index of shards or a configuration.
    Json,
}

const MAGIC: [(&[u8], FileKind); 11] = [
    (b"version https://git-lfs", FileKind::LfsPointer),
    (b"PK\x03\x04", FileKind::Zip),
    (b"\x1f\x8b", FileKind::Gzip),
    (b"GGUF", FileKind::Gguf),
    (b"\x89HDF\r\n", FileKind::Hdf5),
    (b"PAR1", FileKind::Parquet),
    (b"ARROW1", FileKind::Arrow),
    (b"\x80\x02", FileKind::Pickle),
    (b"\x80\x03", FileKind::Pickle),
    (b"\x80\x04", FileKind::Pickle),
    (b"\x80\x05", FileKind::Pickle),
];

impl FileKind {
    /// Recognises a format by the first bytes of a file.
    pub fn recognise(head: &[u8]) -> Option<Self> {
        if head.is_empty() {
            return Some(Self::Empty);
        }
        if let [_, _, _, _, _, 0, 0, 0, b'{', b'"', ..] = head {
            return Some(Self::Safetensors);
        }
        let magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
        magic.map(|(_, kind)| *kind).or_else(|| text(head.trim_ascii_start()))
    }

    fn parts(self) -> (&'static str, &'static str) {
        const PYTORCH: &str = "save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`";
        const AGAIN: &str = "download or copy it again";
        match self {
            Self::Empty => ("is empty", AGAIN),
            Self::LfsPointer => ("is a git-LFS pointer, not the file itself", "fetch it with `git lfs pull`"),
            Self::Html => (
                "is a web page, not the file itself",
                "download it again; does the address need a login or `/resolve/` instead of `/blob/`?",
            ),
            Self::Pickle => {
                ("is a Python pickle (an old PyTorch file), which can run code when read", PYTORCH)
            }
            Self::Zip => ("is a zip archive (a PyTorch file), which can run code when read", PYTORCH),
            Self::Gzip => ("is compressed with gzip", "unpack it"),
            Self::Gguf => ("is a GGUF file", "take the original checkpoint in safetensors format"),
            Self::Hdf5 => ("is an HDF5 file (TensorFlow)", "take the checkpoint in safetensors format"),
            Self::Parquet => (
                "is a Parquet file",
                "install ia3 with `--features parquet`, or write its rows as JSON lines, in Python with `pandas.read_parquet(…).to_json(…, orient=\"records\", lines=True)`",
            ),
            Self::Arrow => (
                "is an Arrow file",
                "write its rows as JSON lines, in Python with `datasets.Dataset.from_file(…).to_json(…)`",
            ),
            Self::Safetensors => ("is a safetensors file", "give a file of text"),
            Self::Json => ("is JSON text", "give the folder, or the safetensors file itself"),
        }
    }

    /// Whether it is no text, so that a reader of text has no use for it.
    pub fn is_binary(self) -> bool {
        !matches!(self, Self::Empty | Self::Html | Self::Json | Self::LfsPointer)
    }

    /// What the user can do about it.
    pub fn advice(self) -> &'static str {
        self.parts().1
    }
}

fn text(head: &[u8]) -> Option<FileKind> {
    let lower: Vec<u8> = head.iter().take(16).map(u8::to_ascii_lowercase).collect();
    let is_html = [&b"<!doctype"[..], b"<html", b"<head", b"<?xml"].iter().any(|tag| lower.starts_with(tag));
    match lower.first() {
        _ if is_html => Some(FileKind::Html),
        Some(b'{' | b'[') => Some(FileKind::Json),
        _ => None,
    }
}

/// A phrase that follows the name of the file: `is a web page, not the file itself`.
impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_first_bytes() {
        let cases: [(&[u8], Option<FileKind>); 11] = [
            (b"", Some(FileKind::Empty)),
            (b"version https://git-lfs.github.com/spec/v1\noid", Some(FileKind::LfsPointer)),
            (b"\n <!DOCTYPE HTML><html>", Some(FileKind::Html)),
            (b"\x80\x02}q\x00.", Some(FileKind::Pickle)),
            (b"PK\x03\x04\0\0", Some(FileKind::Zip)),
            (b"GGUF\x03\0\0\0", Some(FileKind::Gguf)),
            (b" {\"metadata\": {}}", Some(FileKind::Json)),
            (b"PAR1\x15\x04", Some(FileKind::Parquet)),
            (b"\x10\x02\0\0\0\0\0\0{\"__metadata__\"", Some(FileKind::Safetensors)),
            (b"\x10\0\0\0\0\0\0\0nonsense", None),
            (b"hello", None),
        ];
        for (head, expected) in cases {
            assert_eq!(FileKind::recognise(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
