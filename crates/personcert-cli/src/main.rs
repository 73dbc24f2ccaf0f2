//! The `personcert` command.

fn main() {
    std::process::exit(personcert_cli::run(std::env::args_os()));
}
