//! Whom to trust. Reading the machine's certificate authorities takes longer than a call, so that it happens once a process.

use std::sync::{Arc, Mutex};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
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
    let verifier = Verifier::new_with_extra_roots(extra.clone(), provider()).map_err(failed)?;
    let config = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    if let Some(cache) = cache.as_deref_mut() {
        *cache = Some((extra, config.clone()));
    }
    Ok(config)
}

/// The TLS configuration for plain http, which trusts no authority and reads none.
pub(super) fn untrusting_config() -> Result<ClientConfig> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(failed)
}

/// The cryptography: what the program installed, or ring.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()))
}

/// The error of a client whose TLS can't be set up.
fn failed(error: rustls::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "TLS can't be set up").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_authorities_are_read_once() {
        let first = client_config(Vec::new()).expect("a configuration");
        let cached = CACHE.lock().expect("the cache").as_ref().map(|(_, config)| config.clone()).expect("it is cached");
        let again = client_config(Vec::new()).expect("a configuration");
        for other in [cached, again] {
            assert!(Arc::ptr_eq(&first.key_log, &other.key_log), "the same configuration");
        }
    }
}
