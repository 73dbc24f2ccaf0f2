//! `cargo xtask cross`: the command and the modules for other platforms, tried under Wine and qemu.

mod debian;
mod linux_arm64;
mod linux_musl;
mod toolchain;
mod windows;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::run::{Result, command, root, run};
use toolchain::Toolchain;

/// The size at which the results of earlier builds are removed.
const MAX_BUILD_BYTES: u64 = 12 << 30;

type Target = (&'static str, fn(&Toolchain) -> Result);

const TARGETS: &[Target] =
    &[("windows", windows::test), ("linux-arm64", linux_arm64::test), ("linux-musl", linux_musl::test)];

/// Builds and tries every target, or the named one.
pub fn cross(name: Option<&str>) -> Result {
    let started = Instant::now();
    let targets: Vec<_> = TARGETS.iter().filter(|(target, _)| name.is_none_or(|name| name == *target)).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
        return Err(format!("unknown target; expected one of {}", names.join(", ")));
    }
    println!("== compiler and linker");
    let toolchain = Toolchain::install()?;
    remove_large_build()?;
    for (target, test) in &targets {
        let began = Instant::now();
        println!("== {target}");
        test(&toolchain)?;
        println!("   {:.0} s", began.elapsed().as_secs_f64());
    }
    println!("{} of {} targets passed in {:.0} s", targets.len(), TARGETS.len(), started.elapsed().as_secs_f64());
    Ok(())
}

/// Where everything is that this command downloads and builds.
fn folder() -> PathBuf {
    root().join("target/cross")
}

/// Where the compiler puts what it builds.
fn build_folder() -> PathBuf {
    folder().join("build")
}

/// A built file of a target.
fn built(target: &str, file: &str) -> PathBuf {
    build_folder().join(target).join("debug").join(file)
}

fn remove_large_build() -> Result {
    if size(&build_folder()) > MAX_BUILD_BYTES {
        fs::remove_dir_all(build_folder()).map_err(|error| format!("the last builds can't be removed: {error}"))?;
    }
    Ok(())
}

/// The bytes in a folder and the folders inside it.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

/// An empty folder for a trial.
fn empty_folder(name: &str) -> Result<PathBuf> {
    let place = folder().join(name);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| format!("the last trial can't be removed: {error}"))?;
    }
    fs::create_dir_all(&place).map_err(|error| format!("{} can't be made: {error}", place.display()))?;
    Ok(place)
}

fn copy(from: &Path, to: &Path) -> Result {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} can't be copied: {error}", from.display()))
}

/// Puts the sources of a package, with a module built for a target, into a folder.
fn copy_package(source: &str, module: &Path, name: &str, to: &Path) -> Result {
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
fn unpack_npm(package: &str, to: &Path) -> Result {
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
