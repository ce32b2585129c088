//! From a path or a reader to plain bytes. Gzip is told by its first two bytes, not by the name.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use crate::error::OpenError;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 64 * 1024;

pub(crate) type Bytes = Box<dyn BufRead + Send>;

/// How far the files have been read, in bytes as they lie on the disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// For files, whose sizes are added as they are opened.
    pub(crate) fn of_files() -> Self {
        Self { read: Arc::default(), total: Some(0) }
    }

    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }
}

pub(crate) fn open_file(path: &Path, progress: &mut Progress) -> Result<Bytes, OpenError> {
    let unopened = |cause| OpenError::Unopened { path: path.to_owned(), cause };
    let file = File::open(path).map_err(unopened)?;
    let metadata = file.metadata().map_err(unopened)?;
    progress.total =
        progress.total.filter(|_| metadata.is_file()).map(|total| total + metadata.len());
    unpack(file, progress).map_err(unopened)
}

pub(crate) fn unpack(reader: impl Read + Send + 'static, progress: &Progress) -> io::Result<Bytes> {
    let mut reader = Counted { reader, read: Arc::clone(&progress.read) };
    let mut start = Vec::with_capacity(GZIP.len());
    (&mut reader).take(GZIP.len() as u64).read_to_end(&mut start)?;
    let gzip = start == GZIP;
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(reader));
    Ok(if gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole)))
    } else {
        Box::new(whole)
    })
}

struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
