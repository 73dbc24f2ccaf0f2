//! Everything that has to be there before a front end can run: built, installed, inside the checkout.

use std::fs;
use std::path::PathBuf;

use crate::run::{Result, command, root, run};

/// The tools that check and package the Python side.
const PYTHON_TOOLS: &[&str] = &["maturin==1.16.0", "mypy==2.4.1", "pyright==1.1.414", "uvloop==0.22.1"];
/// The tools that check the Node side.
const NODE_TOOLS: &[&str] = &["typescript@5.9.3", "@types/node@20.19.0"];

/// What `package` built.
pub struct Packages {
    pub wheel: PathBuf,
    pub tarball: PathBuf,
    /// The Node module with its symbols.
    pub unstripped: PathBuf,
}

/// The built command.
pub fn cli() -> PathBuf {
    root().join("target/debug/personcert")
}

/// The Python of the checkout's own environment.
pub fn python() -> PathBuf {
    root().join(".venv/bin/python")
}

/// Builds the command and both modules, and puts the modules beside the packages' sources.
pub fn build() -> Result {
    needs("node", "Node 20 or later")?;
    needs("python3", "Python 3.9 or later")?;
    let packages = ["personcert-cli", "personcert-python", "personcert-node"];
    let mut build = command("cargo", &["build", "--quiet"]);
    run(build.args(packages.iter().flat_map(|package| ["--package", package])))?;
    place("target/debug/lib_native.so", "python/personcert/_native.abi3.so")?;
    place("target/debug/libpersoncert_node.so", "node/personcert.node")
}

/// Installs the Python tools into `.venv`.
pub fn python_tools() -> Result {
    if !python().exists() {
        run(&mut command("python3", &["-m", "venv", ".venv"]))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(command(python(), &install).args(PYTHON_TOOLS))
}

/// Installs the Node tools into `node_modules`.
pub fn node_tools() -> Result {
    let install = ["install", "--silent", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", "."];
    run(command("npm", &install).args(NODE_TOOLS))
}

/// Installs what the tests of sign-in meet: Microsoft's own libraries, an independent provider, a keyring, and a browser,
/// whose place it gives.
pub fn identity_peers() -> Result<PathBuf> {
    python_tools()?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(command(python(), &install).arg("tests/identity/requirements.txt"))?;
    install_locked("tests/identity")?;
    programs().map(|[browser, ..]| browser)
}

/// Installs the Graph clients that the tests of interoperability use.
pub fn interop_clients() -> Result {
    install_locked("tests/interop")
}

/// Installs the npm packages that a lock file in this folder pins.
fn install_locked(folder: &str) -> Result {
    let install = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    run(command("npm", &install).arg(folder))
}

/// What the tests of sign-in drive, as Debian's packages: one of the programs, and the package that has it.
const PROGRAMS: [(&[&str], &str); 3] = [
    (&["chromium", "chromium-browser", "google-chrome"], "chromium"),
    (&["dbus-run-session"], "dbus-daemon"),
    (&["gnome-keyring-daemon"], "gnome-keyring"),
];

/// Where these programs are: a browser, a session's bus, a keyring. On a Debian root installs what is missing.
fn programs() -> Result<[PathBuf; 3]> {
    let missing: Vec<_> =
        PROGRAMS.iter().filter(|(names, _)| find(names).is_none()).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let place = |(names, package): (&[&str], &str)| find(names).ok_or_else(|| format!("{package} is missing"));
    Ok([place(PROGRAMS[0])?, place(PROGRAMS[1])?, place(PROGRAMS[2])?])
}

/// Installs packages on a Debian root.
pub fn install(packages: &[&str]) -> Result {
    let apt = |arguments: &[&str]| run(command("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"));
    let install = ["install", "--quiet=2", "--yes", "--no-install-recommends"];
    apt(&["update", "--quiet=2"])
        .and_then(|()| apt(&[&install, packages].concat()))
        .map_err(|why| format!("this test needs {}; install that ({why})", packages.join(", ")))
}

/// The first of these programs that is on the path.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|place| place.is_file())
}

/// Builds the wheel and the npm tarball, optimised, into `dist`.
pub fn package() -> Result<Packages> {
    python_tools()?;
    let dist = root().join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|error| format!("dist can't be emptied: {error}"))?;
    }
    fs::create_dir_all(&dist).map_err(|error| format!("dist can't be made: {error}"))?;
    let wheel =
        ["-m", "maturin", "build", "--release", "--quiet", "--manifest-path", "python/Cargo.toml", "--out", "dist"];
    run(&mut command(python(), &wheel))?;
    // With symbols, by which the sizes are attributed; the package gets the stripped module.
    let node = ["rustc", "--quiet", "--release", "--package", "personcert-node", "--", "-C", "strip=none"];
    run(&mut command("cargo", &node))?;
    let unstripped = "target/release/libpersoncert_node.so";
    run(&mut command("strip", &[unstripped, "-o", "target/release/personcert.node"]))?;
    place("target/release/personcert.node", "node/personcert.node")?;
    run(&mut command("npm", &["pack", "--silent", "--pack-destination", "dist", "./node"]))?;
    Ok(Packages { wheel: built("whl")?, tarball: built("tgz")?, unstripped: root().join(unstripped) })
}

fn built(extension: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(root().join("dist")).map_err(|error| format!("dist can't be read: {error}"))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .ok_or_else(|| format!("no .{extension} in dist"))
}

fn needs(program: &str, what: &str) -> Result {
    let found = command(program, &["--version"]).output().is_ok_and(|output| output.status.success());
    if found { Ok(()) } else { Err(format!("{what} is missing: `{program} --version` does not run")) }
}

/// Copies a built module beside its package's sources, as a new file: the old one may be loaded somewhere.
fn place(from: &str, to: &str) -> Result {
    let (from, to) = (root().join(from), root().join(to));
    let fresh = to.with_extension("new");
    fs::copy(&from, &fresh)
        .and_then(|_| fs::rename(&fresh, &to))
        .map_err(|error| format!("{} can't be put in place: {error}", to.display()))
}
