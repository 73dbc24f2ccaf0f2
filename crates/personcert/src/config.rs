//! The settings of a client, with their defaults.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value};
use url::Url;

use crate::host::{Dialect, advice};
use crate::schema::{FromInput, Input, Kind, Property, Record, choice};
use crate::string_enum::string_enum;
use crate::{Error, Result, Secret};

macro_rules! config {
    ($($field:ident = $graph:literal: $type:ty = $default:expr, $kind:expr, $text:literal;)+) => {
        /// The settings of a client. Unset ones have the defaults of [`Config::default`].
        #[derive(Clone, Debug)]
        pub struct Config { $(#[doc = $text] pub $field: $type,)+ }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Config {
            /// The description of the settings.
            pub const RECORD: Record = Record {
                name: "ClientOptions",
                doc: "The settings of a client.",
                properties: &[$(Property {
                    name: $graph,
                    snake: stringify!($field),
                    kind: $kind,
                    required: false,
                    updatable: false,
                    creatable: false,
                    doc: $text,
                    matches: |_| true,
                },)+],
                open: false,
            };

            /// Reads a caller's settings; unknown names and wrong values are refused. Null means the default.
            pub fn read(settings: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
                let mut config = Self::default();
                for (name, value) in settings {
                    let property = Self::RECORD.find(name, dialect.naming).map(|property| property.name);
                    match property {
                        Some(_) if value.is_null() => {}
                        $(Some($graph) => {
                            config.$field = FromInput::from_input(value.into(), dialect).map_err(|error| error.at(name))?;
                        })+
                        _ => {
                            let allowed: Vec<_> =
                                Self::RECORD.properties.iter().map(|property| property.named(dialect)).collect();
                            return Err(Error::input(name, format!("unknown setting; {}", advice(name, &allowed))));
                        }
                    }
                }
                config.check().map_err(|error| error.rename_parameter(&Self::RECORD, dialect))?;
                Ok(config)
            }
        }
    };
}

config! {
    token = "token": Option<Secret> = None, Kind::Text, "The access token, without the word Bearer.";
    token_command = "tokenCommand": Option<String> = None, Kind::Text, "A command line that prints an access token, or JSON with one as `az account get-access-token` does; run by the shell whenever a token is needed.";
    sign_in = "signIn": Option<SignIn> = None, Kind::Choice(SignIn::NAMES), "How to get tokens, where none is given: `login` (what `personcert login` left), `browser` or `device-code` (the same, and a person is asked when nothing is left), `client-secret`, `certificate`, `workload-identity`, `managed-identity` or `azure-cli`. Default: the first of `login`, `client-secret`, `certificate`, `workload-identity`, `managed-identity`, `azure-cli` that there is.";
    tenant_id = "tenantId": Option<String> = None, Kind::Text, "The tenant to sign in to, by id or domain. Default: AZURE_TENANT_ID; without it people sign in to the tenant of their account.";
    client_id = "clientId": Option<String> = None, Kind::Text, "The id of the registered application that signs in; of the identity, where a machine has several. Default: AZURE_CLIENT_ID.";
    client_secret = "clientSecret": Option<Secret> = None, Kind::Text, "The application's secret, for the sign-in `client-secret`. Default: AZURE_CLIENT_SECRET.";
    certificate_file = "certificateFile": Option<String> = None, Kind::Text, "A PEM or PFX file with the application's certificate and its RSA key, for the sign-in `certificate`. Default: AZURE_CLIENT_CERTIFICATE_PATH.";
    certificate_password = "certificatePassword": Option<Secret> = None, Kind::Text, "The password of a PFX file. Default: AZURE_CLIENT_CERTIFICATE_PASSWORD.";
    federated_token_file = "federatedTokenFile": Option<String> = None, Kind::Text, "A file with the token of another issuer that the application trusts, for the sign-in `workload-identity`; read whenever it is needed. Default: AZURE_FEDERATED_TOKEN_FILE, otherwise the token that GitHub Actions gives to a job.";
    token_cache_file = "tokenCacheFile": Option<String> = None, Kind::Text, "The file that keeps what `personcert login` left, readable by its owner alone. Default: the keyring of the operating system, or where there is none a file among the user's own.";
    cloud = "cloud": Cloud = Cloud::Global, Kind::Choice(&["global", "us-gov", "us-gov-dod", "china"]), "The national cloud: `global`, `us-gov` (L4, GCC High), `us-gov-dod` (L5) or `china` (21Vianet). Default: `global`.";
    base_url = "baseUrl": Option<String> = None, Kind::Text, "The service's root without a version, instead of a cloud's. Plain http only to this machine.";
    authority = "authority": Option<String> = None, Kind::Text, "Where tokens for the service at the base URL are issued, without the tenant, such as `https://login.example.com`. Default: the cloud's.";
    timeout = "timeout": Duration = Duration::from_secs(100), Kind::Duration, "The longest a call may take, its repetitions and waits included. Default: 100 seconds.";
    attempt_timeout = "attemptTimeout": Duration = Duration::from_secs(30), Kind::Duration, "The longest one attempt may take. Default: 30 seconds.";
    connect_timeout = "connectTimeout": Duration = Duration::from_secs(10), Kind::Duration, "The longest a connection may take to come about. Default: 10 seconds.";
    max_attempts = "maxAttempts": u64 = 5, Kind::Integer, "How often a call is tried at most; 1 repeats nothing. Default: 5.";
    retry_delay = "retryDelay": Duration = Duration::from_secs(1), Kind::Duration, "The longest wait before the second attempt; it doubles with each further one, up to a minute. Each wait is a random part of it, unless the service says how long. Default: 1 second.";
    proxy = "proxy": Option<Secret> = None, Kind::Text, "The address of an HTTP proxy, with user and password if it wants them. Default: the environment's (HTTPS_PROXY, NO_PROXY).";
    ca_file = "caFile": Option<String> = None, Kind::Text, "A PEM file with certificate authorities to trust besides the machine's (SSL_CERT_FILE replaces those).";
    max_response_bytes = "maxResponseBytes": u64 = 4 << 20, Kind::Number, "The largest answer that is read, in bytes. Default: 4 MiB.";
    unknown_audiences = "unknownAudiences": bool = false, Kind::Boolean, "Whether `allowedAudiences` may hold names that this version doesn't know. Default: no.";
}

string_enum! {
    /// The ways of getting tokens.
    SignIn {
        Login = "login", "The sign-in that `personcert login` left. Nobody is asked anything.";
        Browser = "browser", "What an earlier sign-in left, or a new one in the system's browser (authorization code with PKCE).";
        DeviceCode = "device-code", "What an earlier sign-in left, or a new one with a code that is typed into any browser.";
        ClientSecret = "client-secret", "The application's own sign-in with a secret.";
        Certificate = "certificate", "The application's own sign-in with a certificate.";
        WorkloadIdentity = "workload-identity", "The application's own sign-in with the token of another issuer that it trusts.";
        ManagedIdentity = "managed-identity", "The identity of the Azure machine or app service that this runs on.";
        AzureCli = "azure-cli", "Whoever is signed in with Azure's command line.";
    }
}

/// The clouds that Graph runs in.
/// Source: Graph's "National cloud deployments".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide service, and US Government GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (`DoD`).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// The name, the root of Graph, and the authority that issues tokens for it.
    const ALL: [(&'static str, Self, &'static str, &'static str); 4] = [
        ("global", Self::Global, "https://graph.microsoft.com", "https://login.microsoftonline.com"),
        ("us-gov", Self::UsGov, "https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("us-gov-dod", Self::UsGovDod, "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        ("china", Self::China, "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
    ];

    /// Every cloud with its name.
    pub(crate) fn names() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|(name, cloud, ..)| (name, cloud))
    }

    /// The root of the cloud's Graph.
    pub fn root(self) -> &'static str {
        Self::ALL.iter().find(|(_, cloud, ..)| *cloud == self).map_or("", |(_, _, root, _)| root)
    }

    /// Where tokens for it are issued, without a tenant.
    pub fn authority(self) -> &'static str {
        Self::ALL.iter().find(|(_, cloud, ..)| *cloud == self).map_or("", |(.., authority)| authority)
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        if !(1..=100).contains(&self.max_attempts) {
            return Err(Error::input("maxAttempts", "give a number from 1 to 100"));
        }
        if self.token.is_some() && self.token_command.is_some() {
            return Err(Error::input("tokenCommand", "give a token or a token command, not both"));
        }
        if self.sign_in.is_some() && (self.token.is_some() || self.token_command.is_some()) {
            return Err(Error::input("signIn", "give a token, a token command or a way of signing in, not several"));
        }
        if self.authority.is_some() && self.base_url.is_none() {
            let why =
                "give the address of the service (its base URL) too: it and the issuer of its tokens belong together";
            return Err(Error::input("authority", why));
        }
        let name = |tenant: &str| tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if self.tenant_id.as_deref().is_some_and(|tenant| tenant.is_empty() || !name(tenant)) {
            return Err(Error::input("tenantId", "this is neither the id nor the domain of a tenant"));
        }
        self.proxy()?;
        self.authorities()?;
        self.authority()?;
        self.root().map(|_| ())
    }

    /// The scope of a token for the service: of the cloud, or of `baseUrl` where that has an authority of its own.
    pub(crate) fn scope(&self) -> String {
        let own = self.base_url.as_deref().filter(|_| self.authority.is_some());
        format!("{}/.default", own.unwrap_or_else(|| self.cloud.root()).trim_end_matches('/'))
    }

    /// Where tokens are issued, without a tenant, checked. There is none for a service that is given without one: a
    /// token of a cloud must not go to another service unasked.
    pub(crate) fn authority(&self) -> Result<Option<Url>> {
        match (&self.authority, &self.base_url) {
            (Some(authority), _) => address("authority", authority).map(Some),
            (None, Some(_)) => Ok(None),
            (None, None) => address("authority", self.cloud.authority()).map(Some),
        }
    }

    /// The proxy for everything, where one is set.
    pub(crate) fn proxy(&self) -> Result<Option<reqwest::Proxy>> {
        // Its address may hold a password, so it is not repeated.
        let refuse = |_| Error::input("proxy", "this is not the address of a proxy, such as http://proxy:3128");
        self.proxy.as_ref().map(|proxy| reqwest::Proxy::all(proxy.expose())).transpose().map_err(refuse)
    }

    /// The certificate authorities in the PEM file, when one is set.
    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let refuse = |why: String| Error::input("caFile", format!("{path}: {why}"));
        let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let read = read.map_err(|error| refuse(error.to_string()))?;
        if read.is_empty() { Err(refuse("no certificate found; give a PEM file".into())) } else { Ok(read) }
    }

    /// The address below which the service's versions lie, checked.
    pub(crate) fn root(&self) -> Result<Url> {
        let url = address("baseUrl", self.base_url.as_deref().unwrap_or_else(|| self.cloud.root()))?;
        let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if matches!(last, "beta" | "v1.0") {
            return Err(Error::input("baseUrl", format!("give the root without the version /{last}")));
        }
        Ok(url)
    }
}

/// An address that tokens or secrets may be sent to.
fn address(name: &str, text: &str) -> Result<Url> {
    let refuse = |why: String| Error::input(name, why);
    let url = Url::parse(text)
        .map_err(|_| refuse("this is not an absolute address such as https://graph.microsoft.com".into()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("an address with a user or a password in it is not used".into()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("give the root alone, without ? and #".into()));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refuse("a token is not sent over plain http except to this machine; use https".into()));
        }
        other => return Err(refuse(format!("{other} is not a scheme for Graph; use https"))),
    }
    Ok(url)
}

/// Whether the address is this machine's own.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl FromInput for SignIn {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        choice(input, "sign-in method", Self::ALL.iter().map(|(method, name, _)| (*name, *method)))
    }
}

impl FromInput for Cloud {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        choice(input, "cloud", Self::ALL.into_iter().map(|(name, cloud, ..)| (name, cloud)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cloud, Config};

    #[test]
    fn host_authority_and_scope_are_of_one_set() {
        let sets = [
            (Cloud::Global, "graph.microsoft.com", "login.microsoftonline.com"),
            (Cloud::UsGov, "graph.microsoft.us", "login.microsoftonline.us"),
            (Cloud::UsGovDod, "dod-graph.microsoft.us", "login.microsoftonline.us"),
            (Cloud::China, "microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
        ];
        assert_eq!(sets.len(), Cloud::ALL.len());
        for (cloud, graph, login) in sets {
            let config = Config { cloud, ..Config::default() };
            assert_eq!(config.root().unwrap().host_str(), Some(graph));
            assert_eq!(config.authority().unwrap().unwrap().host_str(), Some(login));
            assert_eq!(config.scope(), format!("https://{graph}/.default"));
        }
        let own = |name: &str| Some(format!("https://{name}.example.com/"));
        let custom = Config { base_url: own("graph"), authority: own("login"), ..Config::default() };
        assert_eq!(custom.authority().unwrap().unwrap().host_str(), Some("login.example.com"));
        assert_eq!(custom.scope(), "https://graph.example.com/.default");
        let gateway = Config { base_url: own("gateway"), ..Config::default() };
        assert_eq!(gateway.authority().unwrap(), None, "no token of a cloud goes there unasked");
        assert_eq!(gateway.scope(), "https://graph.microsoft.com/.default");
    }
}
