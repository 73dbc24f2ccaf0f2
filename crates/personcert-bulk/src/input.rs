//! The input of a job: its rows, copied and checked, in the folder that the job uses.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use personcert::{Error, ErrorKind, Outcome, Result};

use crate::disk::FileDisk;
use crate::files::{file_error, hex};
use crate::job_dir::{JobDir, create_private};
use crate::journal::Replay;
use crate::options::BulkOptions;
use crate::rules::InputRules;
use crate::source::{self, Source};
use crate::spool::{self, Spool};

/// The most folders with the same second in their names.
const MAX_SAME_SECOND: u32 = 100;

/// The rows of a job in the job's folder.
pub struct JobInput {
    /// The rows.
    pub spool: Spool,
    /// The folder of the job.
    pub dir: PathBuf,
    /// Whether the folder holds a run of the same rows that was not complete.
    pub is_resumed: bool,
}

impl JobInput {
    /// Copies and checks the rows of the file `path`; `-` is standard input. With the option `jobDir` the job uses that
    /// folder. Otherwise it gets a new folder below `<file>.jobs`; only if the latest job there has the same rows and was not
    /// complete, that job goes on. `progress` gets the number of rows now and then; its error ends the copy.
    ///
    /// # Errors
    /// When the input or the folder can't be used, or `jobDir` holds the job of another input.
    pub fn read(
        path: &Path,
        options: &BulkOptions,
        rules: InputRules,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Self> {
        let mut source = source::open(path, options)?;
        Self::copy(&mut *source, path, options, rules, progress)
    }

    /// Copies and checks the rows of `source`, as [`JobInput::read`] does; `name` stands for the path.
    pub fn copy(
        source: &mut dyn Source,
        name: &Path,
        options: &BulkOptions,
        rules: InputRules,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Self> {
        let Some(dir) = &options.job_dir else {
            let jobs = jobs_dir(name);
            let earlier = latest(&jobs);
            let dir = new_dir(&jobs)?;
            let spool = Spool::create(&dir, source, rules, progress).inspect_err(|_| remove(&dir))?;
            return Ok(match earlier.and_then(|earlier| incomplete(&earlier, spool.input_hash())) {
                Some(earlier) => {
                    remove(&dir);
                    earlier
                }
                None => Self { spool, dir, is_resumed: false },
            });
        };
        create_private(dir).map_err(|error| file_error(dir, error))?;
        let new = new_dir(dir)?;
        let read = Spool::create(&new, source, rules, progress).inspect_err(|_| remove(&new))?;
        let path = dir.join(spool::FILE_NAME);
        if !path.exists() {
            drop(read);
            std::fs::rename(new.join(spool::FILE_NAME), &path).map_err(|error| file_error(&path, error))?;
            remove(&new);
            return Ok(Self { spool: Spool::open(dir)?, dir: dir.clone(), is_resumed: false });
        }
        remove(&new);
        let spool = Spool::open(dir)?;
        if spool.input_hash() == read.input_hash() {
            return Ok(Self { spool, dir: dir.clone(), is_resumed: true });
        }
        let why = format!("{} holds the job of another input; choose another folder", dir.display());
        Err(Error::new(ErrorKind::Conflict, Outcome::NotSent, why))
    }

    /// The rows of the job in `dir`, without its original input.
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self { spool: Spool::open(dir)?, dir: dir.to_owned(), is_resumed: true })
    }

    /// Removes the rows and the folder of a job that never ran.
    pub fn discard(self) {
        remove(&self.dir);
    }

    /// What identifies the rows: their hash in hexadecimal digits.
    pub fn hash(&self) -> String {
        hex(self.spool.input_hash())
    }
}

/// The folder with the jobs of an input.
fn jobs_dir(name: &Path) -> PathBuf {
    if name.as_os_str() == "-" {
        return PathBuf::from("personcert.jobs");
    }
    let mut jobs = name.as_os_str().to_owned();
    jobs.push(".jobs");
    PathBuf::from(jobs)
}

/// A new folder, named after the time.
fn new_dir(jobs: &Path) -> Result<PathBuf> {
    create_private(jobs).map_err(|error| file_error(jobs, error))?;
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    for count in 1..=MAX_SAME_SECOND {
        let name = if count == 1 { now.clone() } else { format!("{now}-{count}") };
        let dir = jobs.join(name);
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(file_error(&dir, error)),
        }
    }
    Err(file_error(jobs, "holds too many jobs of this second; run again"))
}

/// The latest job in the folder.
fn latest(jobs: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(jobs).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.filter(|folder| folder.join(spool::FILE_NAME).is_file()).max()
}

/// The job in `dir`, if it has these rows and was not complete.
fn incomplete(dir: &Path, hash: &[u8; 32]) -> Option<JobInput> {
    let input = JobInput::open(dir).ok().filter(|input| input.spool.input_hash() == hash)?;
    let Ok(mut journal) = FileDisk::read_only(&JobDir::journal_path(dir)) else {
        // It ended before its first change.
        return Some(input);
    };
    let replay = Replay::read(&mut journal).ok()?;
    let is_complete = replay.header.is_some() && replay.doubts.is_empty() && replay.counts.unknown == 0;
    (!is_complete || replay.counts.not_attempted() > 0).then_some(input)
}

/// Removes a folder that this process made and nothing refers to.
fn remove(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
}
