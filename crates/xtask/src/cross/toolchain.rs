//! A compiler that can build its standard library for any target, and a linker for all of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::Packages;
use super::folders::{build_folder, copy, folder};
use crate::run::{Result, command, output, run};

/// Debian's newer compiler, which comes with the sources of its standard library; and what musl programs start with.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "musl-dev"];
/// The linker, and what needs no pin to build one source package.
const PYTHON_PACKAGES: &[&str] = &["ziglang==0.17.1", "cargo-zigbuild==0.24.1", "setuptools", "wheel"];
/// Libraries that Windows programs are linked with by name, though nothing is taken from them.
const EMPTY_LIBRARIES: [&str; 2] = ["libssp_nonshared.a", "libnode.a"];

pub struct Toolchain {
    packages: PathBuf,
    venv: PathBuf,
    libraries: PathBuf,
}

impl Toolchain {
    /// Downloads what is missing.
    pub fn install() -> Result<Self> {
        let toolchain = Self {
            packages: folder().join("toolchain"),
            venv: folder().join("venv"),
            libraries: folder().join("libraries"),
        };
        Packages { names: PACKAGES, architecture: None }.unpack(&toolchain.packages)?;
        if !toolchain.python().exists() {
            run(command("python3", &["-m", "venv"]).arg(&toolchain.venv))?;
        }
        run(toolchain.pip().args(PYTHON_PACKAGES))?;
        toolchain
            .place_libraries()
            .map_err(|error| format!("the linker's libraries can't be put in place: {error}"))?;
        Ok(toolchain)
    }

    /// The Python that has the linker.
    pub fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    /// Installs Python packages.
    pub fn pip(&self) -> Command {
        command(self.python(), &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
    }

    /// Compiles a C file into a library of Windows.
    pub fn windows_library(&self, source: &str, library: &Path) -> Result {
        let compile = ["-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O2", "-shared", "-nostdlib"];
        run(command(self.python(), &compile).args([source, "-ladvapi32", "-o"]).arg(library))
    }

    /// Builds packages of this workspace for a target.
    pub fn build(&self, target: &str, packages: &[&str]) -> Result {
        let mut build = self.cargo("zigbuild", target)?;
        run(build.args(packages.iter().flat_map(|package| ["--package", package])))
    }

    /// Builds a package of this workspace that is a library of Windows, with the one function that it exports. Without
    /// its name the linker would export all, which are too many.
    pub fn build_windows_library(&self, target: &str, package: &str, function: &str) -> Result {
        let exports = self.libraries.join(format!("{package}.def"));
        fs::write(&exports, format!("EXPORTS\n  {function}\n")).map_err(|error| error.to_string())?;
        let argument = format!("link-arg={}", exports.display());
        run(self.cargo("rustc", target)?.args(["--package", package, "--", "-C", &argument]))
    }

    /// A cargo that builds the standard library too.
    fn cargo(&self, subcommand: &str, target: &str) -> Result<Command> {
        let usr = self.packages.join("usr");
        let bin = self.venv.join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path)));
        let arguments = [subcommand, "-Zbuild-std=std,panic_unwind", "--target", target];
        let mut cargo = command(bin.join("cargo-zigbuild"), &arguments);
        for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            cargo.env_remove(flags);
        }
        cargo
            .env("PATH", path.map_err(|error| error.to_string())?)
            .env("CARGO", usr.join("bin/cargo"))
            .env("RUSTC", usr.join("bin/rustc"))
            .env("LD_LIBRARY_PATH", usr.join("lib/x86_64-linux-gnu"))
            // The standard library is built by options that a released compiler hides.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", build_folder())
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS", format!("-L native={}", self.libraries.display()))
            .env("LIBNODE_PATH", &self.libraries);
        Ok(cargo)
    }

    fn place_libraries(&self) -> Result {
        let failed = |error: io::Error| format!("the linker's libraries can't be put in place: {error}");
        let usr = self.packages.join("usr");
        let objects = usr.join("lib/rustlib/x86_64-unknown-linux-musl/lib/self-contained");
        fs::create_dir_all(&objects).map_err(failed)?;
        for object in ["crt1.o", "rcrt1.o", "crti.o", "crtn.o"] {
            copy(&usr.join("lib/x86_64-linux-musl").join(object), &objects.join(object))?;
        }
        for object in ["crtbegin.o", "crtbeginS.o", "crtend.o", "crtendS.o"] {
            let found = output(&mut command("cc", &[&format!("-print-file-name={object}")]))?;
            copy(Path::new(found.trim()), &objects.join(object))?;
        }
        fs::create_dir_all(&self.libraries).map_err(failed)?;
        for library in EMPTY_LIBRARIES {
            fs::write(self.libraries.join(library), "!<arch>\n").map_err(failed)?;
        }
        // The build script of Node's bindings wants a file of this name; the linker takes the library above.
        fs::write(self.libraries.join("libnode.dll"), "").map_err(failed)
    }
}
