//! What a call ended with, made ready away from Python and turned into Python objects with the interpreter held.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use personcert::host::{Call, CopyLimits, Output};
use personcert::schema::{Kind, SchemaType};
use personcert::{
    AccessToken, Attempt, Client, Config, Error, ErrorKind, Outcome, Pages, PersonCertification, Prompt, TokenFuture,
    TokenProvider, TokenRequest,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::Value;

use crate::bridge;

/// The end of a call or of one page.
pub enum Reply {
    /// What a call gave; a list is still to be fetched.
    Output(Output),
    /// A page of a list, none after the last.
    Page(Option<Vec<PersonCertification>>),
}

/// A credential of the program around: called with a scope and perhaps claims, it gives a token and when it ends.
struct Credential(Py<PyAny>);

impl TokenProvider for Credential {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        // It may take its time; the thread that waits for calls must not.
        let given = tokio::task::spawn_blocking(move || {
            Python::attach(|py| {
                let given = self.0.call1(py, (request.scope, request.claims));
                given.and_then(|given| given.extract::<(String, Option<f64>)>(py)).map_err(|error| error.to_string())
            })
        });
        Box::pin(async move {
            let failed = |why: String| {
                Error::new(ErrorKind::Auth, Outcome::NotSent, format!("the credential gave no token: {why}"))
            };
            let (token, end) = given.await.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
            let end = end.and_then(|end| Duration::try_from_secs_f64(end).ok());
            Ok(AccessToken::new(token, end.and_then(|end| UNIX_EPOCH.checked_add(end))))
        })
    }
}

/// Opens a client; `hook` is called with every attempt, `credential` when a token is needed, `prompt` with what a person has
/// to do to sign in.
pub fn open(
    config: &Bound<'_, PyDict>,
    hook: Option<Py<PyAny>>,
    credential: Option<Py<PyAny>>,
    prompt: Option<Py<PyAny>>,
) -> PyResult<Client> {
    let settings = bridge::read_dict(config, CopyLimits::CALL)?;
    let client = Config::read(&settings, bridge::DIALECT).and_then(|config| Client::new(&config));
    let client = client.map_err(|error| bridge::raise(config.py(), &error))?;
    let client = match prompt {
        Some(prompt) => {
            client.on_prompt(move |shown| tell(&prompt, serde_json::to_value(shown).unwrap_or_default(), Prompt::KIND))
        }
        None => client,
    };
    let client = match credential {
        Some(credential) => client.with_credential(Credential(credential)),
        None => client,
    };
    let Some(hook) = hook else { return Ok(client) };
    Ok(client.on_attempt(move |attempt| tell(&hook, serde_json::to_value(attempt).unwrap_or_default(), Attempt::KIND)))
}

/// Calls a function of the program around with a record.
fn tell(function: &Py<PyAny>, record: Value, kind: Kind) {
    // When the interpreter is gone nobody listens.
    Python::try_attach(|py| {
        let told = bridge::write(py, record, kind).and_then(|told| function.call1(py, (told,)));
        if let Err(error) = told {
            error.write_unraisable(py, Some(function.bind(py)));
        }
    });
}

/// Reads a call's arguments.
pub fn read_call(operation: &str, arguments: &Bound<'_, PyDict>) -> PyResult<Call> {
    let map = bridge::read_dict(arguments, CopyLimits::CALL)?;
    Call::read(operation, &map, bridge::DIALECT).map_err(|error| bridge::raise(arguments.py(), &error))
}

/// Carries a call out.
pub async fn answer(client: Client, call: Call) -> Result<Reply, Error> {
    client.call(call).await.map(Reply::Output)
}

/// Fetches the next page.
pub async fn page(pages: &mut Pages) -> Result<Reply, Error> {
    pages.next().await.map(Reply::Page)
}

/// A page as Python has it: a tuple, or None after the last.
pub fn write_page(py: Python<'_>, page: Option<Vec<PersonCertification>>) -> PyResult<Bound<'_, PyAny>> {
    let Some(page) = page else { return Ok(py.None().into_bound(py)) };
    let items = page.into_iter().map(|item| bridge::write_answer(py, Output::Certification(Box::new(item))));
    Ok(PyTuple::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any())
}

/// The error of a client that was closed, or of one that could not start.
pub fn unusable(why: impl Into<String>) -> Error {
    Error::input("client", why)
}

/// The error of a list that is continued in another process than it was begun in.
pub fn forked() -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "this list was begun before a fork; begin it anew here")
}
