use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::limit::Limit;

/// How long the first byte of a pipe that nobody writes is waited for.
const WRITER_WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// A pipe that does not block: it ends with an error when it has given more bytes than its limit, or when nobody writes.
#[derive(Debug)]
pub struct Pipe {
    file: File,
    limit: Limit,
    read: u64,
    opened: Instant,
}

impl Pipe {
    pub(crate) fn new(file: File, limit: Limit) -> Self {
        Self { file, limit, read: 0, opened: Instant::now() }
    }

    fn count(&mut self, read: usize) -> Result<usize> {
        self.read += read as u64;
        match self.read > self.limit.bytes {
            true => Err(Error::other(format!("it gives more than the limit of {}", self.limit))),
            false => Ok(read),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read(bytes) {
                // Before its first writer a pipe looks as if it had ended.
                Ok(0) if self.read == 0 && !bytes.is_empty() => {
                    if self.opened.elapsed() > WRITER_WAIT {
                        let wait = WRITER_WAIT.as_secs();
                        let problem = format!("it is a pipe, and nothing wrote to it for {wait} seconds");
                        return Err(Error::new(ErrorKind::TimedOut, problem));
                    }
                    sleep(PAUSE);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return self.count(read?),
            }
        }
    }
}
