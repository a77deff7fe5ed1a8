//! Gzip data, unpacked as far as a limit allows.

use std::io::{Cursor, Error, Read, Result};

use flate2::read::MultiGzDecoder;

/// How much larger unpacked data may be than packed data. Rows of JSON rarely become smaller than a thirtieth; gzip can pack
/// equal bytes to less than a thousandth.
const MAX_RATIO: u64 = 100;
/// What may be unpacked in any case.
const ALWAYS: u64 = 64 << 20;

/// The bytes of a source, unpacked if they are gzip data.
pub(crate) fn unpacked<R: Read + 'static>(mut source: R) -> Result<Box<dyn Read>> {
    let mut head = Vec::new();
    source.by_ref().take(2).read_to_end(&mut head)?;
    let is_packed = head == [0x1f, 0x8b];
    let whole = Cursor::new(head).chain(source);
    Ok(match is_packed {
        true => Box::new(Unpacked {
            decoder: MultiGzDecoder::new(Counted { source: whole, read: 0 }),
            unpacked: 0,
        }),
        false => Box::new(whole),
    })
}

struct Unpacked<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    unpacked: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.decoder.read(bytes);
        let read =
            read.map_err(|error| Error::new(error.kind(), format!("the gzip data is damaged: {error}")))?;
        self.unpacked += read as u64;
        match self.unpacked > ALWAYS.max(self.decoder.get_ref().read.saturating_mul(MAX_RATIO)) {
            false => Ok(read),
            true => Err(Error::other(format!(
                "it unpacks to more than {} MiB and more than {MAX_RATIO} times its packed size, the limit for gzip \
                 data; unpack it first if it is right",
                ALWAYS >> 20
            ))),
        }
    }
}

struct Counted<R> {
    source: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.source.read(bytes)?;
        self.read += read as u64;
        Ok(read)
    }
}
