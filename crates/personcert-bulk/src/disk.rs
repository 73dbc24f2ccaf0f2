//! The file under a journal, and what a test puts in its place.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A file that grows at its end.
pub trait Disk: Send {
    /// Adds bytes at the end. They survive the end of this process, not that of the machine.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything that was appended survive a power failure.
    fn sync(&mut self) -> io::Result<()>;

    /// Reads up to a buffer's length from a position; 0 at the end.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Cuts the file off.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl<D: Disk + ?Sized> Disk for &mut D {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read(offset, buffer)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        (**self).truncate(length)
    }
}

/// A real file, readable by its owner alone.
#[derive(Debug)]
pub struct FileDisk(File);

impl FileDisk {
    /// Opens a file, or creates it.
    pub fn open(path: &Path) -> io::Result<Self> {
        private().append(true).create(true).open(path).map(Self)
    }

    /// Opens a file for reading alone.
    pub fn read_only(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

/// Options that open a file for reading, and that create it for its owner alone.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

impl Disk for FileDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.0, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        io::Seek::seek(&mut self.0, io::SeekFrom::Start(offset))?;
        io::Read::read(&mut self.0, buffer)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.sync_data()
    }
}
