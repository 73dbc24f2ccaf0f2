//! The registered applications.

use std::collections::BTreeMap;

use personcert::options;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The public application that is registered from the start: users sign in with it.
pub const PUBLIC_APP: &str = "00000000-1111-2222-3333-444444444444";
/// The confidential application that is registered from the start.
const CONFIDENTIAL_APP: &str = "11111111-2222-3333-4444-555555555555";
/// The secret of the confidential application.
const SECRET: &str = "local-secret";

options! {
    /// A registered application.
    pub struct Application as "AppOptions", "argument" {
        required { client_id = "clientId": String, "The client id."; }
        optional {
            secret = "secret": Option<String> = None, "The secret.";
            certificate = "certificate": Option<String> = None, "The certificate, as PEM text.";
            public = "public": bool = false, "Whether it is a public client, with which users sign in on their own machines.";
            roles = "roles": Vec<String> = default_roles(), "The application permissions. Default: `User.ReadWrite.All`.";
        }
    }
}

fn default_roles() -> Vec<String> {
    vec!["User.ReadWrite.All".to_owned()]
}

impl Application {
    /// The certificate in DER.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_ref()?.as_bytes()).ok()
    }
}

/// The applications by id.
#[derive(Debug)]
pub struct Applications(BTreeMap<String, Application>);

impl Default for Applications {
    fn default() -> Self {
        let mut applications = Self(BTreeMap::new());
        let (secret, certificate, roles) = (None, None, default_roles());
        let public = Application { client_id: PUBLIC_APP.into(), secret, certificate, public: true, roles };
        let secret = Some(SECRET.to_owned());
        let client_id = CONFIDENTIAL_APP.into();
        applications.register(Application { client_id, secret, public: false, ..public.clone() });
        applications.register(public);
        applications
    }
}

impl Applications {
    /// Adds or replaces an application.
    pub fn register(&mut self, application: Application) {
        self.0.insert(application.client_id.to_ascii_lowercase(), application);
    }

    /// The application with this id.
    pub fn find(&self, id: &str) -> Option<&Application> {
        self.0.get(&id.to_ascii_lowercase())
    }
}
