//! Reading a part of a file at an offset, from any number of threads.

use std::fs::File;
use std::io;

/// Fills `bytes` with the bytes of the file from `start` on, whatever its cursor is.
///
/// # Errors
///
/// Those of the system; a file that ends earlier is [`io::ErrorKind::UnexpectedEof`].
#[cfg(unix)]
pub fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

/// Fills `bytes` with the bytes of the file from `start` on, whatever its cursor is.
///
/// # Errors
///
/// Those of the system; a file that ends earlier is [`io::ErrorKind::UnexpectedEof`].
#[cfg(windows)]
pub fn read_exact_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                start += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn parts_are_read_and_the_end_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut bytes = [0; 3];
        read_exact_at(&file, &mut bytes, 4).unwrap();
        assert_eq!(&bytes, b"456");
        let failed = read_exact_at(&file, &mut bytes, 8).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::UnexpectedEof);
    }
}
