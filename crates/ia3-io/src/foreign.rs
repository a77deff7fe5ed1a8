//! Files that are not what their name says, recognised by their first bytes.

use std::fmt;

/// What a file is that should have been a safetensors file or a JSON file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// No byte at all.
    Empty,
    /// A pointer of git-LFS, which stands in for the file until that is fetched.
    LfsPointer,
    /// A web page, the answer to a download that failed.
    Html,
    /// A Python pickle: an old PyTorch file.
    Pickle,
    /// A zip archive: a PyTorch file since 1.6.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A GGUF file of llama.cpp.
    Gguf,
    /// An HDF5 file of TensorFlow.
    Hdf5,
    /// Text in JSON, such as an index of shards or a configuration.
    Json,
}

const MAGIC: [(&[u8], Foreign); 9] = [
    (b"version https://git-lfs", Foreign::LfsPointer),
    (b"PK\x03\x04", Foreign::Zip),
    (b"\x1f\x8b", Foreign::Gzip),
    (b"GGUF", Foreign::Gguf),
    (b"\x89HDF\r\n", Foreign::Hdf5),
    (b"\x80\x02", Foreign::Pickle),
    (b"\x80\x03", Foreign::Pickle),
    (b"\x80\x04", Foreign::Pickle),
    (b"\x80\x05", Foreign::Pickle),
];

impl Foreign {
    /// Recognises a format by the first bytes of a file.
    pub(crate) fn recognise(head: &[u8]) -> Option<Self> {
        if head.is_empty() {
            return Some(Self::Empty);
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
            Self::Json => ("is JSON text", "give the folder, or the safetensors file itself"),
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        self.parts().1
    }
}

fn text(head: &[u8]) -> Option<Foreign> {
    let lower: Vec<u8> = head.iter().take(16).map(u8::to_ascii_lowercase).collect();
    let is_html = [&b"<!doctype"[..], b"<html", b"<head", b"<?xml"].iter().any(|tag| lower.starts_with(tag));
    match lower.first() {
        _ if is_html => Some(Foreign::Html),
        Some(b'{' | b'[') => Some(Foreign::Json),
        _ => None,
    }
}

/// What the file is, after its name: `is a web page, not the file itself`.
impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_first_bytes() {
        let cases: [(&[u8], Option<Foreign>); 9] = [
            (b"", Some(Foreign::Empty)),
            (b"version https://git-lfs.github.com/spec/v1\noid", Some(Foreign::LfsPointer)),
            (b"\n <!DOCTYPE HTML><html>", Some(Foreign::Html)),
            (b"\x80\x02}q\x00.", Some(Foreign::Pickle)),
            (b"PK\x03\x04\0\0", Some(Foreign::Zip)),
            (b"GGUF\x03\0\0\0", Some(Foreign::Gguf)),
            (b" {\"metadata\": {}}", Some(Foreign::Json)),
            (b"\x10\0\0\0\0\0\0\0nonsense", None),
            (b"hello", None),
        ];
        for (head, expected) in cases {
            assert_eq!(Foreign::recognise(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
