//! The native half of the Node package. The operations are the core's; the interface that users see is the JavaScript
//! beside this crate. This crate copies arguments, returns promises of JSON text, and gives errors as data.

mod bridge;
mod client;
mod local_graph;
mod promise;

use napi_derive::{module_init, napi};

/// One worker thread drives all calls: they do little between waits, and moving them between threads costs more.
#[module_init]
fn init() {
    if let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}

/// Runs the command line and returns its exit code; `args` starts with the program's name.
#[napi]
pub fn main(args: Vec<String>) -> i32 {
    personcert_cli::run(args.into_iter().map(Into::into))
}
