//! `cargo xtask cross`: the command and the modules for other platforms, tried under Wine and qemu.

mod debian;
mod folders;
mod linux_arm64;
mod linux_musl;
mod toolchain;
mod windows;

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::run::Result;
use folders::build_folder;
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
