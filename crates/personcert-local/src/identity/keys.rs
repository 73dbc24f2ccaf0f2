//! The key that signs tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use personcert::{Error, ErrorKind, Outcome, Result};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// A public test key that protects nothing. Generating one would take longer than the rest of a start.
const KEY: &[u8] = include_bytes!("key.pem");

/// Signs tokens and verifies them.
pub struct Keys {
    pair: RsaKeyPair,
    public: PublicKeyComponents<Vec<u8>>,
    id: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Keys {
    /// The test key.
    pub fn new() -> Result<Self> {
        let failed = |problem: String| {
            Error::new(ErrorKind::Service, Outcome::NotSent, format!("the test key is unusable: {problem}"))
        };
        let key = PrivatePkcs8KeyDer::from_pem_slice(KEY).map_err(|error| failed(error.to_string()))?;
        let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|error| failed(error.to_string()))?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let id = BASE64.encode(digest(&SHA256, &public.n))[..27].to_owned();
        Ok(Self { pair, public, id })
    }

    /// A signed token with these claims; empty, and thus invalid, when the key cannot sign.
    pub fn sign(&self, claims: &Value) -> String {
        let head = json!({"typ": "JWT", "alg": "RS256", "kid": self.id});
        let signed = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        match self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature) {
            Ok(()) => format!("{signed}.{}", BASE64.encode(signature)),
            Err(_) => String::new(),
        }
    }

    /// The claims of a token, and whether this key signed them; none when it is malformed.
    pub fn claims(&self, token: &str) -> Option<(Value, bool)> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        let claims = serde_json::from_slice(&BASE64.decode(signed.split_once('.')?.1).ok()?).ok()?;
        let own = self.public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok();
        Some((claims, own))
    }

    /// The public half as a JSON web key set.
    pub fn set(&self) -> Value {
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": BASE64.encode(&self.public.n), "e": BASE64.encode(&self.public.e),
        }]})
    }
}
