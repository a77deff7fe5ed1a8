//! Files of `torch.save` around a pickle, and the pickles of such files.

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The archive's checksum stops most mutations of a pickle, so it is packed after it has been changed.
pub(super) fn pack(pickle: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let storage: Vec<u8> = (0..16).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let storages = (0..4).map(|key| (format!("archive/data/{key}"), storage.as_slice()));
    let head = [("archive/data.pkl".to_string(), pickle), ("archive/byteorder".to_string(), b"little")];
    for (name, bytes) in head.into_iter().chain(storages) {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name, options).expect("an entry can be added");
        zip.write_all(bytes).expect("memory can be written");
    }
    zip.finish().expect("memory can be written").into_inner()
}

/// The pickle of a file.
pub(super) fn unpack(file: &[u8]) -> Option<Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut names = zip.file_names().filter_map(Result::ok).map(|name| name.into_owned());
    let name = names.find(|name| name.ends_with("/data.pkl"))?;
    drop(names);
    let mut pickle = vec![];
    zip.by_name(&name).ok()?.read_to_end(&mut pickle).ok()?;
    Some(pickle)
}
