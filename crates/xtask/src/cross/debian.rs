//! Debian's packages, unpacked into a folder instead of installed.

use std::fs;
use std::path::Path;

use crate::run::{Result, command, run};

/// Packages for a folder.
pub struct Packages<'a> {
    pub names: &'a [&'a str],
    /// The architecture, with everything that the packages need. Without one: this machine's, with what it lacks.
    pub architecture: Option<&'a str>,
}

impl Packages<'_> {
    /// Unpacks them into a folder, unless that was done before.
    pub fn unpack(&self, into: &Path) -> Result {
        let done = into.join("unpacked");
        let list = self.names.join(" ");
        if fs::read_to_string(&done).is_ok_and(|unpacked| unpacked == list) {
            return Ok(());
        }
        let failed = |error: std::io::Error| format!("{} can't be filled: {error}", into.display());
        if into.exists() {
            fs::remove_dir_all(into).map_err(failed)?;
        }
        let apt = into.join("apt");
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(folder)).map_err(failed)?;
        }
        self.download(&apt)?;
        for archive in fs::read_dir(apt.join("cache/archives")).map_err(failed)? {
            let archive = archive.map_err(failed)?.path();
            if archive.extension().is_some_and(|end| end == "deb") {
                run(command("dpkg-deb", &["--extract"]).arg(archive).arg(into))?;
            }
        }
        fs::remove_dir_all(&apt).map_err(failed)?;
        fs::write(done, list).map_err(failed)
    }

    /// Downloads them with a state of their own, so that this machine's stays as it is.
    fn download(&self, apt: &Path) -> Result {
        let mut options = vec![
            format!("Dir::State={}", apt.join("state").display()),
            format!("Dir::Cache={}", apt.join("cache").display()),
        ];
        let status = match self.architecture {
            Some(architecture) => {
                options.extend(["APT::Architecture", "APT::Architectures"].map(|key| format!("{key}={architecture}")));
                let empty = apt.join("state/status");
                fs::write(&empty, "").map_err(|error| error.to_string())?;
                empty
            }
            None => "/var/lib/dpkg/status".into(),
        };
        options.push(format!("Dir::State::status={}", status.display()));
        options.push("APT::Sandbox::User=root".to_owned());
        let apt_get = |arguments: &[&str]| {
            let options = options.iter().flat_map(|option| ["-o", option]);
            run(command("apt-get", &["--quiet=2"]).args(options).args(arguments))
        };
        let install = ["install", "--download-only", "--reinstall", "--yes", "--no-install-recommends"];
        apt_get(&["update"])
            .and_then(|()| apt_get(&[&install, self.names].concat()))
            .map_err(|why| format!("{} can't be had from Debian 12 ({why})", self.names.join(", ")))
    }
}
