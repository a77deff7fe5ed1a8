//! Files of the corpus, and files made byte by byte.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::PathBuf;

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/gguf").join(name)
}

/// A GGUF file in memory.
pub(crate) struct Builder {
    keys: Vec<u8>,
    key_count: u64,
    infos: Vec<u8>,
    info_count: u64,
    data: Vec<u8>,
    alignment: usize,
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { keys: vec![], key_count: 0, infos: vec![], info_count: 0, data: vec![], alignment: 32 }
    }

    /// A file of this architecture with two heads.
    pub(crate) fn of(architecture: &str) -> Self {
        Self::new().key("general.architecture", 8, &text(architecture)).key(
            &format!("{architecture}.attention.head_count"),
            4,
            &2_u32.to_le_bytes(),
        )
    }

    pub(crate) fn key(mut self, name: &str, kind: u32, value: &[u8]) -> Self {
        self.keys.extend(text(name));
        self.keys.extend(kind.to_le_bytes());
        self.keys.extend(value);
        self.key_count += 1;
        self
    }

    pub(crate) fn alignment(self, alignment: u32) -> Self {
        let builder = self.key("general.alignment", 4, &alignment.to_le_bytes());
        Self { alignment: alignment.max(1) as usize, ..builder }
    }

    pub(crate) fn tensor(mut self, name: &str, dims: &[u64], kind: u32, data: &[u8]) -> Self {
        let offset = self.data.len().next_multiple_of(self.alignment);
        self.data.resize(offset, 0);
        self.data.extend(data);
        self.info(name, dims, kind, offset as u64)
    }

    /// The description of a tensor without its data.
    pub(crate) fn info(mut self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Self {
        self.infos.extend(text(name));
        self.infos.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| self.infos.extend(dim.to_le_bytes()));
        self.infos.extend(kind.to_le_bytes());
        self.infos.extend(offset.to_le_bytes());
        self.info_count += 1;
        self
    }

    pub(crate) fn f32(self, name: &str, dims: &[u64], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, dims, 0, &bytes)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.with_counts(self.info_count, self.key_count)
    }

    pub(crate) fn with_counts(&self, tensors: u64, keys: u64) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend(tensors.to_le_bytes());
        out.extend(keys.to_le_bytes());
        out.extend(&self.keys);
        out.extend(&self.infos);
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        out.extend(&self.data);
        out
    }
}
