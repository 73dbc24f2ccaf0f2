//! `personcert serve`: a local Graph until it is asked to stop.

use personcert::Result;
use personcert_local::{LocalGraph, PUBLIC_APP};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::arguments::Serve;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::{output, signal};

/// Serves until Ctrl-C, SIGTERM or, with `--until-eof`, the end of standard input; returns the exit code.
pub(crate) fn serve(runtime: &Runtime, serve: &Serve, as_json: bool) -> Result<ExitCode, Failure> {
    let stopped = signal::stop_requested(runtime);
    let graph = LocalGraph::start(serve.options.read()?)?;
    output::print(&ready(&graph, serve, as_json)?)?;
    runtime.block_on(async {
        tokio::select! {
            () = stopped => {}
            _ = end_of_input(), if serve.until_eof => {}
        }
    });
    graph.close();
    Ok(ExitCode::Done)
}

/// The text that tells how to use the local Graph.
fn ready(graph: &LocalGraph, serve: &Serve, as_json: bool) -> Result<String> {
    let token = graph.command("token", &json!({"user": serve.token_for}))?;
    let authority = graph.command("caFile", &json!({}))?;
    if as_json {
        return Ok(json!({"url": graph.url(), "token": token, "caFile": authority}).to_string() + "\n");
    }
    let (url, token) = (graph.url(), token.as_str().unwrap_or_default());
    let trust = match authority.as_str() {
        Some(file) if graph.url().starts_with("https:") => format!("# with every command: --ca-file {file}\n"),
        _ => String::new(),
    };
    Ok(format!(
        "A local Graph for tests and experiments, not Microsoft's service.\n\nexport PERSONCERT_BASE_URL={url}\n\
         export PERSONCERT_TOKEN={token}\n# To try signing in instead of the token:\n\
         # export PERSONCERT_AUTHORITY={url} AZURE_CLIENT_ID={PUBLIC_APP}; personcert login\n{trust}\nPress Ctrl-C to stop.\n"
    ))
}

/// Ends with standard input. A thread reads it, because reading can't be cancelled; the process does not wait for it.
fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    end
}
