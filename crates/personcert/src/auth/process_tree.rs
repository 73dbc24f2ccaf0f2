//! A program with the programs that it started: a process group on Unix, a job object on Windows.

use std::io;
use std::process::ExitStatus;

use tokio::process::{ChildStderr, ChildStdout, Command};

#[cfg(unix)]
type Process = tokio::process::Child;
#[cfg(windows)]
type Process = Box<dyn process_wrap::tokio::ChildWrapper>;

/// A running program. When it is dropped, it ends with every program that it started. One that has ended by itself leaves
/// alone what it put into the background.
pub(super) struct ProcessTree(Process);

impl ProcessTree {
    /// Waits until the program has ended.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process().wait().await
    }
}

#[cfg(unix)]
impl ProcessTree {
    /// Starts a program.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        command.process_group(0).spawn().map(Self)
    }

    /// The program's output and errors, where they are piped.
    pub(super) fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.0.stdout.take(), self.0.stderr.take())
    }

    fn process(&mut self) -> &mut Process {
        &mut self.0
    }
}

#[cfg(windows)]
impl ProcessTree {
    /// Starts a program.
    pub(super) fn spawn(command: Command) -> io::Result<Self> {
        use process_wrap::tokio::{CommandWrap, JobObject};
        CommandWrap::from(command).wrap(JobObject).spawn().map(Self)
    }

    /// The program's output and errors, where they are piped.
    pub(super) fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.0.stdout().take(), self.0.stderr().take())
    }

    /// The program alone: the job ends with the last of its programs.
    fn process(&mut self) -> &mut dyn process_wrap::tokio::ChildWrapper {
        self.0.inner_mut()
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        // A program that was waited for has no id any more.
        #[cfg(unix)]
        if let Some(id) = self.0.id()
            && let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw)
        {
            // It may have ended by itself just now.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(windows)]
        if self.0.id().is_some() {
            let _ = self.0.start_kill();
        }
    }
}
