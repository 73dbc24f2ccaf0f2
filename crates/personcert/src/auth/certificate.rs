//! An application's certificate and the assertions that it signs.
//!
//! The private key never leaves this process: the platform gets a short-lived assertion instead, a JWT that the key signed.
//! PEM and PFX files are told apart by their content.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use x509_parser::parse_x509_certificate;

/// How long an assertion is valid: it is used at once.
const ASSERTION_LIFETIME: Duration = Duration::from_mins(5);
/// Size limit of a certificate file.
const MAX_FILE_BYTES: usize = 1 << 20;

/// A certificate with its RSA key.
pub(crate) struct Certificate {
    key: RsaKeyPair,
    thumbprint: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a PEM file that holds the certificate and its key, or a PFX file.
    pub(super) fn read(path: &Path, password: Option<&str>) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes));
        match read.map_err(|error| error.to_string())? {
            0..=MAX_FILE_BYTES => Self::parse(&bytes, password),
            _ => Err("too large for a certificate file".into()),
        }
    }

    /// Reads the content of such a file.
    pub(crate) fn parse(bytes: &[u8], password: Option<&str>) -> Result<Self, String> {
        if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
            Self::pem(bytes)
        } else {
            Self::pfx(bytes, password)
        }
    }

    /// Reads the certificates and the first key of a PEM file.
    fn pem(bytes: &[u8]) -> Result<Self, String> {
        let key = PrivateKeyDer::from_pem_slice(bytes)
            .map_err(|_| "contains no unencrypted private key; use a PFX file for a key with a password")?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("the private key must be an RSA key".into()),
        };
        let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
        Self::new(key, certificates.map_err(|error| format!("contains an unreadable certificate ({error})"))?.iter())
    }

    /// Reads the key and its certificates from a PFX file.
    fn pfx(bytes: &[u8], password: Option<&str>) -> Result<Self, String> {
        let store = KeyStore::from_pkcs12(bytes, password.unwrap_or_default(), Pkcs12ImportPolicy::Strict)
            .map_err(|error| format!("neither a PEM file nor a PFX file that the password opens ({error})"))?;
        let (_, chain) = store.private_key_chain().ok_or("contains no private key")?;
        Self::new(
            RsaKeyPair::from_pkcs8(chain.key().as_der()),
            chain.certs().iter().map(p12_keystore::Certificate::as_der),
        )
    }

    /// Takes the certificate that belongs to the key, since a chain may come in any order. A damaged or foreign one is
    /// refused here, where the error can still name the file.
    fn new<C: AsRef<[u8]>>(
        key: Result<RsaKeyPair, ring::error::KeyRejected>,
        mut certificates: impl Iterator<Item = C>,
    ) -> Result<Self, String> {
        let key = key.map_err(|error| format!("the private key must be an RSA key of 2048 bits or more ({error})"))?;
        sign(&key, b"")?;
        let belongs = |certificate: &C| {
            parse_x509_certificate(certificate.as_ref())
                .is_ok_and(|(_, read)| *read.public_key().subject_public_key.data == *key.public().as_ref())
        };
        let own = certificates.find(belongs).ok_or("contains no certificate for its private key")?;
        Ok(Self { thumbprint: BASE64.encode(digest(&SHA256, own.as_ref())), key })
    }

    /// A signed assertion of the application's identity, for the token endpoint `audience`.
    /// Source: "Microsoft identity platform application authentication certificate credentials".
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, now: SystemTime) -> Result<String, String> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": uuid::Uuid::new_v4().to_string(),
            "nbf": now.as_secs(), "iat": now.as_secs(), "exp": now.saturating_add(ASSERTION_LIFETIME).as_secs(),
        });
        let signed = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
        let signature = sign(&self.key, signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64.encode(signature)))
    }
}

/// Signs with RSA, PSS padding and SHA-256.
fn sign(key: &RsaKeyPair, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), bytes, &mut signature)
        .map_err(|_| "the private key is damaged and cannot sign")?;
    Ok(signature)
}
