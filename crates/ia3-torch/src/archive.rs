//! The zip archive of a PyTorch file: `<root>/data.pkl`, `<root>/data/<key>` for each storage, `<root>/byteorder`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use ia3_guard::{FileError, FileKind, open, read_head};
use zip::{CompressionMethod, ZipArchive};

use crate::error::TorchError;
use crate::problem::TorchProblem;

/// The largest pickle, which about 30,000 tensors would need. The 192 tensors of a T-Few file need 27 kB.
const MAX_PICKLE: u64 = 4 << 20;
const PICKLE: &str = "data.pkl";

/// An open archive.
pub(crate) struct Archive {
    pub(crate) path: PathBuf,
    /// Bytes of the file.
    pub(crate) len: u64,
    zip: ZipArchive<BufReader<File>>,
    root: String,
    /// The storage that was read last.
    last: Option<(String, Vec<u8>)>,
}

impl Archive {
    pub(crate) fn open(path: &Path) -> Result<Self, TorchError> {
        let mut file = open(path)?;
        let io = |source| FileError::io("read", path, source);
        let head = read_head(path, &mut file)?;
        match FileKind::recognise(&head) {
            Some(FileKind::Zip) => {}
            Some(FileKind::Pickle) => return Err(TorchError::OldTorch { path: path.to_owned() }),
            Some(kind) => return Err(FileError::WrongKind { path: path.to_owned(), kind }.into()),
            None => return Err(TorchError::NotTorch { path: path.to_owned() }),
        }
        file.rewind().map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let zip = ZipArchive::new(BufReader::new(file));
        let zip = zip.map_err(|source| TorchError::Zip { path: path.to_owned(), source })?;
        let root = root(path, &zip)?;
        let mut archive = Self { path: path.to_owned(), len, zip, root, last: None };
        archive.check_byte_order()?;
        Ok(archive)
    }

    pub(crate) fn pickle(&mut self) -> Result<Vec<u8>, TorchError> {
        let entry = format!("{}{PICKLE}", self.root);
        let size = self.size(&entry)?.unwrap_or(0);
        match size > MAX_PICKLE {
            true => Err(TorchError::EntryLength {
                path: self.path.clone(),
                entry,
                found: size,
                limit: MAX_PICKLE,
            }),
            false => self.read(&entry),
        }
    }

    /// The name of the entry of a storage, if it has `expected` bytes.
    fn checked(&mut self, key: &str, expected: usize, tensor: &str) -> Result<String, TorchError> {
        let entry = format!("{}data/{key}", self.root);
        let expected = expected as u64;
        let problem = match self.size(&entry)? {
            None => Some(TorchProblem::NoStorage { entry: entry.clone() }),
            Some(found) if found != expected => {
                Some(TorchProblem::StorageBytes { entry: entry.clone(), expected, found })
            }
            Some(_) => None,
        };
        match problem {
            Some(problem) => Err(TorchError::tensor(&self.path, tensor, problem)),
            None => Ok(entry),
        }
    }

    /// The bytes of the storage of a tensor, `expected` of them.
    pub(crate) fn storage(&mut self, key: &str, expected: usize, tensor: &str) -> Result<&[u8], TorchError> {
        let entry = self.checked(key, expected, tensor)?;
        if self.last.as_ref().is_none_or(|(last, _)| *last != entry) {
            self.last = None;
            let bytes = self.read(&entry)?;
            self.last = Some((entry, bytes));
        }
        Ok(self.last.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default())
    }

    /// Where the storage of a tensor begins in the file. Its bytes lie there as they are.
    pub(crate) fn place(&mut self, key: &str, expected: usize, tensor: &str) -> Result<u64, TorchError> {
        let entry = self.checked(key, expected, tensor)?;
        let invalid = |source| TorchError::Zip { path: self.path.clone(), source };
        let index = self.zip.index_for_name(&entry).unwrap_or(usize::MAX);
        let start = self.zip.by_index_raw(index).map_err(invalid)?.data_start();
        let fits = |start: &u64| start.checked_add(expected as u64).is_some_and(|end| end <= self.len);
        start.filter(fits).ok_or_else(|| {
            let (path, found) = (self.path.clone(), self.len.saturating_sub(start.unwrap_or(self.len)));
            TorchError::Truncated { path, entry, expected: expected as u64, found }
        })
    }

    /// Checks the byte order, which PyTorch writes since 2.0. Older files are little-endian on all common machines.
    fn check_byte_order(&mut self) -> Result<(), TorchError> {
        let entry = format!("{}byteorder", self.root);
        if self.size(&entry)?.is_none() {
            return Ok(());
        }
        match self.read(&entry)?.as_slice() {
            b"little" => Ok(()),
            other => {
                let found =
                    String::from_utf8_lossy(other.get(..16).unwrap_or(other)).escape_debug().to_string();
                Err(TorchError::ByteOrder { path: self.path.clone(), found })
            }
        }
    }

    /// The size of an uncompressed entry; `None` if there is no entry of that name.
    fn size(&mut self, entry: &str) -> Result<Option<u64>, TorchError> {
        let Some(index) = self.zip.index_for_name(entry) else { return Ok(None) };
        let zip_error = |source| TorchError::Zip { path: self.path.clone(), source };
        let file = self.zip.by_index_raw(index).map_err(zip_error)?;
        let found = match file.compression() {
            _ if file.encrypted() => "encrypted".to_string(),
            CompressionMethod::Stored if file.size() == file.compressed_size() => {
                return Ok(Some(file.size()));
            }
            CompressionMethod::Stored => format!("{} bytes in {}", file.size(), file.compressed_size()),
            method => format!("compressed ({method})"),
        };
        Err(TorchError::NotStored { path: self.path.clone(), entry: entry.to_string(), found })
    }

    /// Reads an entry that [`size`](Self::size) has accepted, and checks its checksum.
    fn read(&mut self, entry: &str) -> Result<Vec<u8>, TorchError> {
        let limit = self.len;
        let path = &self.path;
        let mut file =
            self.zip.by_name(entry).map_err(|source| TorchError::Zip { path: path.clone(), source })?;
        let size = file.size();
        if size > limit {
            return Err(TorchError::EntryLength {
                path: path.clone(),
                entry: entry.to_string(),
                found: size,
                limit,
            });
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let read = file.read_to_end(&mut bytes);
        read.map_err(|source| FileError::io("read", path, source))?;
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => {
                let (path, entry, found) = (path.clone(), entry.to_string(), bytes.len() as u64);
                Err(TorchError::Truncated { path, entry, expected: size, found })
            }
        }
    }
}

/// The folder in the archive that holds the pickle, with its slash.
fn root(path: &Path, zip: &ZipArchive<BufReader<File>>) -> Result<String, TorchError> {
    let invalid = |source| TorchError::Zip { path: path.to_owned(), source };
    if zip.has_duplicate_names() {
        return Err(invalid(zip::result::ZipError::InvalidArchive("two entries have one name".into())));
    }
    let mut names = vec![];
    for name in zip.file_names() {
        names.push(name.map_err(invalid)?.into_owned());
    }
    let is_root = |root: &&str| root.is_empty() || root.strip_suffix('/').is_some_and(|r| !r.contains('/'));
    let root = names.iter().find_map(|name| name.strip_suffix(PICKLE).filter(is_root));
    root.map(str::to_string)
        .ok_or_else(|| TorchError::NoPickle { path: path.to_owned(), found: names.clone() })
}
