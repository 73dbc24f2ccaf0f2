//! What a client is made of.

use std::sync::Arc;

use personcert::host::CopyLimits;
use personcert::{Client, Config, Hooks, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bridge;
use crate::callbacks::Callbacks;
use crate::credential::Credential;

/// A client's configuration and the caller's functions.
pub struct Settings {
    config: Config,
    /// The caller's functions, shared with the core clients made of these settings.
    pub callbacks: Arc<Callbacks>,
    hook: bool,
    credential: bool,
    prompt: bool,
}

impl Settings {
    /// Reads a configuration. `hook` is called with every attempt, `credential` when a token is needed, `prompt` with
    /// what the user has to do to sign in.
    pub fn read(
        config: &Bound<'_, PyDict>,
        hook: Option<Py<PyAny>>,
        credential: Option<Py<PyAny>>,
        prompt: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        bridge::modules(config.py())?;
        let members = bridge::read_dict(config, CopyLimits::CALL)?;
        let parsed = Config::read(&members, bridge::DIALECT).map_err(|error| bridge::raise(config.py(), &error))?;
        let given = [&hook, &credential, &prompt].map(Option::is_some);
        Ok(Self {
            config: parsed,
            callbacks: Arc::new(Callbacks::new(hook, credential, prompt)),
            hook: given[0],
            credential: given[1],
            prompt: given[2],
        })
    }

    /// Makes a core client.
    pub fn open(&self) -> Result<Client> {
        let mut hooks = Hooks::default();
        if self.prompt {
            let callbacks = Arc::clone(&self.callbacks);
            hooks.on_prompt = Some(Arc::new(move |prompt| callbacks.prompt.notify(Arc::new(prompt.clone()))));
        }
        if self.credential {
            hooks.credential = Some(Arc::new(Credential(Arc::clone(&self.callbacks))));
        }
        if self.hook {
            let callbacks = Arc::clone(&self.callbacks);
            hooks.on_attempt = Some(Arc::new(move |attempt| callbacks.hook.notify(Arc::new(attempt.clone()))));
        }
        Client::with(&self.config, hooks)
    }
}
