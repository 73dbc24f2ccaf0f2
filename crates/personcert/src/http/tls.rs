//! Whom to trust. Reading the machine's certificate authorities takes longer than a call, so that it happens once a process.

use std::sync::{Arc, Mutex};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

use crate::{Error, ErrorKind, Outcome, Result};

/// The configuration that was built last, with the authorities it trusts besides the machine's.
static CACHE: Mutex<Option<(Vec<CertificateDer<'static>>, ClientConfig)>> = Mutex::new(None);

/// The TLS configuration that trusts the machine's certificate authorities and `extra`.
pub(super) fn client_config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    // A lock that is held when the process forks is never released in the child, which then builds its own.
    let mut cache = CACHE.try_lock().ok();
    if let Some((known, config)) = cache.as_deref().and_then(Option::as_ref)
        && *known == extra
    {
        return Ok(config.clone());
    }
    let config = build(extra.clone()).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "the certificate authorities can't be set up")
            .caused_by(error)
    })?;
    if let Some(cache) = cache.as_deref_mut() {
        *cache = Some((extra, config.clone()));
    }
    Ok(config)
}

fn build(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    // A provider that the program installed before is as good.
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}
