//! Where `cargo xtask cross` builds, and what it puts there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Result, command, root, run};

/// Where everything is that this command downloads and builds.
pub fn folder() -> PathBuf {
    root().join("target/cross")
}

/// Where the compiler puts what it builds.
pub fn build_folder() -> PathBuf {
    folder().join("build")
}

/// A built file of a target.
pub fn built(target: &str, file: &str) -> PathBuf {
    build_folder().join(target).join("debug").join(file)
}

/// An empty folder for a trial.
pub fn empty_folder(name: &str) -> Result<PathBuf> {
    let place = folder().join(name);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| format!("the last trial can't be removed: {error}"))?;
    }
    fs::create_dir_all(&place).map_err(|error| format!("{} can't be made: {error}", place.display()))?;
    Ok(place)
}

/// Copies a file.
pub fn copy(from: &Path, to: &Path) -> Result {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} can't be copied: {error}", from.display()))
}

/// Puts the sources of a package, with a module built for a target, into a folder.
pub fn copy_package(source: &str, module: &Path, name: &str, to: &Path) -> Result {
    fs::create_dir_all(to).map_err(|error| format!("{} can't be made: {error}", to.display()))?;
    for file in fs::read_dir(root().join(source)).map_err(|error| format!("{source}: {error}"))?.flatten() {
        let path = file.path();
        let end = path.extension().unwrap_or_default();
        if ["py", "js", "mjs", "json"].iter().any(|source| end == *source) {
            copy(&path, &to.join(file.file_name()))?;
        }
    }
    copy(module, &to.join(name))
}

/// Unpacks a package of the npm registry, whatever machine it is for.
pub fn unpack_npm(package: &str, to: &Path) -> Result {
    if to.join("package").exists() {
        return Ok(());
    }
    fs::create_dir_all(to).map_err(|error| format!("{} can't be made: {error}", to.display()))?;
    run(command("npm", &["pack", "--silent", "--pack-destination"]).arg(to).arg(package))?;
    let archives = fs::read_dir(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for archive in archives.flatten().filter(|file| file.path().is_file()) {
        run(command("tar", &["--extract", "--file"]).arg(archive.path()).arg("--directory").arg(to))?;
        fs::remove_file(archive.path()).map_err(|error| error.to_string())?;
    }
    Ok(())
}
