//! SHA-256 hashes as hexadecimal text.

use std::fmt::Write;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::FileError;
use crate::open::open;

/// Size of the pieces in which a file is read.
const PIECE: usize = 1 << 20;

/// The hash of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash of the content of a regular file, which is read in pieces.
///
/// # Errors
///
/// What opening and reading say.
pub fn of_file(path: &Path) -> io::Result<String> {
    // A pipe or a device might never end.
    let mut file = open(path).map_err(FileError::reason)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => hash.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
