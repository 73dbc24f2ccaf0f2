//! The registered applications.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The public application that is there from the start: people sign in with it.
pub const PUBLIC: &str = "00000000-1111-2222-3333-444444444444";
/// The confidential application that is there from the start: it signs in by itself.
const CONFIDENTIAL: &str = "11111111-2222-3333-4444-555555555555";
/// Its secret.
const SECRET: &str = "local-secret";

/// An application.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    #[serde(default)]
    pub secret: Option<String>,
    /// Its certificate, in PEM.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether people sign in with it on their own machines.
    #[serde(default)]
    pub public: bool,
    /// What it may do by itself.
    #[serde(default = "roles")]
    pub roles: Vec<String>,
}

fn roles() -> Vec<String> {
    vec!["User.ReadWrite.All".to_owned()]
}

impl App {
    /// The certificate in DER.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_ref()?.as_bytes()).ok()
    }
}

/// All of them, by id.
#[derive(Debug)]
pub struct Apps(BTreeMap<String, App>);

impl Default for Apps {
    fn default() -> Self {
        let mut apps = Self(BTreeMap::new());
        let (secret, certificate, roles) = (None, None, roles());
        let public = App { client_id: PUBLIC.into(), secret, certificate, public: true, roles };
        let secret = Some(SECRET.to_owned());
        apps.register(App { client_id: CONFIDENTIAL.into(), secret, public: false, ..public.clone() });
        apps.register(public);
        apps
    }
}

impl Apps {
    /// Adds one, or puts it in the place of another.
    pub fn register(&mut self, app: App) {
        self.0.insert(app.client_id.to_ascii_lowercase(), app);
    }

    /// The one with this id.
    pub fn find(&self, id: &str) -> Option<&App> {
        self.0.get(&id.to_ascii_lowercase())
    }
}
