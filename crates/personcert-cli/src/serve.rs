//! `personcert serve`: a local Graph until it is told to stop.

use std::io::Write;

use personcert::{Error, Result};
use personcert_local::{LocalGraph, Options, PUBLIC_APP};
use serde_json::json;

use crate::arguments::Serve;

pub(crate) async fn serve(serve: &Serve, as_json: bool) -> Result<()> {
    let options = Options {
        port: serve.port,
        database: serve.database.clone(),
        permissions: serde_json::from_value(json!(serve.permissions))
            .map_err(|_| Error::input("--permissions", "the permission table is `spec` or `current`"))?,
        seed: serve.seed.clone(),
        users: serve.users,
        certifications: serve.certifications,
        faults: serve.faults.clone(),
        random_seed: serve.random_seed,
        tls: serve.tls,
        ..Options::default()
    };
    let graph = LocalGraph::start(options)?;
    let token = graph.command("token", &json!({"user": serve.token_for}))?;
    let authority = graph.command("ca", &json!({}))?;
    let ready = if as_json {
        json!({"url": graph.url(), "token": token, "caFile": authority}).to_string()
    } else {
        let (url, token) = (graph.url(), token.as_str().unwrap_or_default());
        let trust = authority.as_str().map(|file| format!("# give --ca-file {file}\n")).unwrap_or_default();
        format!(
            "A local Graph, for tests and trials; this is not the service.\n\nexport PERSONCERT_BASE_URL={url}\n\
             export PERSONCERT_TOKEN={token}\n# or, to try signing in instead of the token:\n\
             # export PERSONCERT_AUTHORITY={url} AZURE_CLIENT_ID={PUBLIC_APP}; personcert login\n{trust}\nCtrl-C stops it."
        )
    };
    let _ = writeln!(std::io::stdout(), "{ready}").and_then(|()| std::io::stdout().flush());
    if serve.until_eof {
        let (ended, end) = tokio::sync::oneshot::channel();
        // Reading standard input can't be cancelled, so it has a thread that the process doesn't wait for.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = ended.send(());
        });
        tokio::select! { _ = end => {} _ = tokio::signal::ctrl_c() => {} }
    } else {
        let _ = tokio::signal::ctrl_c().await;
    }
    graph.close();
    Ok(())
}
