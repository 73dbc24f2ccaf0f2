//! A certificate authority and a certificate for this machine, created on first use.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name of HTTP/2 in TLS.
pub const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// The TLS configuration of the server and the authority that its clients trust.
#[derive(Debug)]
pub struct Tls {
    /// The server's configuration.
    pub server: Arc<ServerConfig>,
    authority: NamedTempFile,
}

impl Tls {
    /// Creates both. The file is deleted with the value.
    pub fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Local Graph authority");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let mut authority = tempfile::Builder::new().prefix("local-graph-").suffix(".pem").tempfile()?;
        authority.write_all(certificate.pem().as_bytes())?;

        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])?;
        params.distinguished_name.push(DnType::CommonName, "Local Graph");
        params.use_authority_key_identifier_extension = true;
        let own = KeyPair::generate()?;
        let certificate = params.signed_by(&own, &issuer)?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)?;
        server.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Self { server: Arc::new(server), authority })
    }

    /// The PEM file of the authority.
    pub fn authority(&self) -> &Path {
        self.authority.path()
    }
}
