//! Linux with musl: the command as one file that needs no library.

use super::folders::built;
use super::toolchain::Toolchain;
use crate::run::{Result, command, output, run};

const TARGET: &str = "x86_64-unknown-linux-musl";

/// Builds the command and makes an update with it on this machine.
pub fn test(toolchain: &Toolchain) -> Result {
    toolchain.build(TARGET, &["personcert-cli"])?;
    let personcert = built(TARGET, "personcert");
    let headers = output(command("readelf", &["--program-headers"]).arg(&personcert))?;
    if headers.contains("INTERP") {
        return Err(format!("{} needs a dynamic linker", personcert.display()));
    }
    run(command("python3", &["tests/cross/ctrl_c.py"]).arg(&personcert))?;
    run(command("python3", &["tests/cross/command.py"]).arg(&personcert))
}
