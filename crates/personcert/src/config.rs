//! The settings of a client, with their defaults.
//!
//! One line of the table declares a setting for Rust, the command line, Python and Node. Bindings hand a map over, which
//! [`Config::read`] reads strictly; Rust programs fill in the struct.
//!
//! Every URL that a token or a secret may be sent to passes `address`: https, or plain http on this machine only,
//! without user, password, query and fragment.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value};
use url::Url;

use crate::cloud::Cloud;
use crate::host::dialect::Dialect;
use crate::{Error, Result, Secret, options, string_enum, string_option};

options! {
    /// The settings of a client. Times are in the unit of the language.
    pub struct Config as "ClientOptions", "setting" {
        token = "token": Option<Secret> = None, "The access token, without the word Bearer.";
        token_command = "tokenCommand": Option<String> = None, "A command line that prints an access token, or JSON with one as `az account get-access-token` does. The shell runs it each time a token is needed.";
        sign_in = "signIn": Option<SignIn> = None, "How to get tokens when none is given: `login` (what `personcert login` stored), `browser` or `device-code` (the same, with an interactive sign-in when nothing is stored), `client-secret`, `certificate`, `workload-identity`, `managed-identity` or `azure-cli`. Default: the first available of `login`, `client-secret`, `certificate`, `workload-identity`, `managed-identity`, `azure-cli`.";
        tenant_id = "tenantId": Option<String> = None, "The tenant to sign in to, by id or domain. Default: AZURE_TENANT_ID; without it, users sign in to the tenant of their account.";
        client_id = "clientId": Option<String> = None, "The id of the registered application that signs in, or of the managed identity if the machine has several. Default: AZURE_CLIENT_ID.";
        client_secret = "clientSecret": Option<Secret> = None, "The application's secret, for the sign-in `client-secret`. Default: AZURE_CLIENT_SECRET.";
        certificate_file = "certificateFile": Option<String> = None, "A PEM or PFX file with the application's certificate and its RSA key, for the sign-in `certificate`. Default: AZURE_CLIENT_CERTIFICATE_PATH.";
        certificate_password = "certificatePassword": Option<Secret> = None, "The password of a PFX file. Default: AZURE_CLIENT_CERTIFICATE_PASSWORD.";
        federated_token_file = "federatedTokenFile": Option<String> = None, "A file with another issuer's token that the application trusts, for the sign-in `workload-identity`. It is read each time a token is needed. Default: AZURE_FEDERATED_TOKEN_FILE, then the token that GitHub Actions issues to a job.";
        token_cache_file = "tokenCacheFile": Option<String> = None, "The file that stores what `personcert login` obtained, readable only by its owner. Default: the keyring of the operating system, or a file in the user's state directory if there is no keyring.";
        cloud = "cloud": Cloud = Cloud::Global, "The national cloud: `global`, `us-gov` (L4, GCC High), `us-gov-dod` (L5) or `china` (21Vianet). Default: `global`.";
        base_url = "baseUrl": Option<String> = None, "The root URL of the service without a version, instead of a cloud's. Plain http only on this machine.";
        authority = "authority": Option<String> = None, "The URL that issues tokens for the service at the base URL, without the tenant, such as `https://login.example.com`. Default: the cloud's.";
        timeout = "timeout": Duration = Duration::from_secs(100), "Time limit for a call, including retries and waits. Default: 100 seconds.";
        attempt_timeout = "attemptTimeout": Duration = Duration::from_secs(30), "Time limit for one attempt. Default: 30 seconds.";
        connect_timeout = "connectTimeout": Duration = Duration::from_secs(10), "Time limit for a connection to be established. Default: 10 seconds.";
        max_attempts = "maxAttempts": u64 = 5, "Maximum number of attempts; 1 disables retries. Default: 5.";
        retry_delay = "retryDelay": Duration = Duration::from_secs(1), "Maximum wait before the second attempt. It doubles with each further attempt, up to a minute; each wait is a random part of it, unless the service says how long to wait. Default: 1 second.";
        max_rate = "maxRate": Option<f64> = None, "Maximum number of requests a second. Default: as many as the service accepts.";
        max_concurrency = "maxConcurrency": Option<u64> = None, "Maximum number of requests in flight. Default: no limit until the service is overloaded.";
        max_per_user = "maxPerUser": u64 = 4, "Maximum number of requests in flight for one user. Default: 4.";
        proxy = "proxy": Option<Secret> = None, "The URL of an HTTP proxy, with user and password if required. Default: HTTPS_PROXY and NO_PROXY.";
        ca_file = "caFile": Option<String> = None, "A PEM file with certificate authorities to trust in addition to the machine's (SSL_CERT_FILE replaces those).";
        max_response_bytes = "maxResponseBytes": u64 = 4 << 20, "Maximum size of a response, in bytes. Default: 4 MiB.";
        unknown_audiences = "unknownAudiences": bool = false, "Whether `allowedAudiences` may contain names that this version doesn't know. Default: no.";
    }
}

string_enum! {
    /// The methods of getting tokens.
    SignIn {
        Login = "login", "What `personcert login` stored; never prompts.";
        Browser = "browser", "What an earlier sign-in stored, or a new one in the system's browser (authorization code with PKCE).";
        DeviceCode = "device-code", "What an earlier sign-in stored, or a new one with a code that is entered in any browser.";
        ClientSecret = "client-secret", "The application's own sign-in with a secret.";
        Certificate = "certificate", "The application's own sign-in with a certificate.";
        WorkloadIdentity = "workload-identity", "The application's own sign-in with another issuer's token that it trusts.";
        ManagedIdentity = "managed-identity", "The managed identity of the Azure machine or app service.";
        AzureCli = "azure-cli", "The account that is signed in to Azure's command line.";
    }
}

string_option!(SignIn, "sign-in method");

/// Rust programs set the fields they need and take the rest from the default:
///
/// ```
/// use std::time::Duration;
///
/// use personcert::{Client, Cloud, Config};
///
/// let config = Config { cloud: Cloud::UsGov, timeout: Duration::from_secs(20), ..Config::default() };
/// let client = Client::new(&config).unwrap();
/// assert!(Client::new(&Config { max_attempts: 0, ..config }).is_err());
/// ```
impl Config {
    /// Reads a caller's settings. Null means the default. Numbers that are durations have the unit of `dialect`.
    ///
    /// ```
    /// use personcert::Config;
    /// use personcert::host::Dialect;
    /// use serde_json::json;
    ///
    /// let settings = json!({"timeout": 20, "cloud": "us-gov"});
    /// let config = Config::read(settings.as_object().unwrap(), Dialect::GRAPH).unwrap();
    /// assert_eq!(config.timeout.as_secs(), 20);
    /// let error = Config::read(json!({"time_out": 20}).as_object().unwrap(), Dialect::GRAPH).unwrap_err();
    /// assert!(error.message.starts_with("unknown setting; did you mean `timeout`?"));
    /// ```
    ///
    /// # Errors
    /// `invalid_input` for an unknown name, a value of another type or out of range, and settings that exclude each other.
    pub fn read(settings: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        let config = Self::from_members(settings, dialect)?;
        config.check().map_err(|error| error.rename_parameter(&Self::RECORD, dialect))?;
        Ok(config)
    }

    /// Checks ranges, URLs and the settings that exclude or require each other. Reads `ca_file`.
    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=100).contains(&self.max_attempts) {
            return Err(Error::input("maxAttempts", "must be from 1 to 100"));
        }
        if self.max_rate.is_some_and(|rate| !(0.01..=1e6).contains(&rate)) {
            return Err(Error::input("maxRate", "must be from 0.01 to 1000000"));
        }
        if self.max_concurrency.is_some_and(|limit| !(1..=10_000).contains(&limit)) {
            return Err(Error::input("maxConcurrency", "must be from 1 to 10000"));
        }
        if !(1..=10_000).contains(&self.max_per_user) {
            return Err(Error::input("maxPerUser", "must be from 1 to 10000"));
        }
        if self.token.is_some() && self.token_command.is_some() {
            return Err(Error::input("tokenCommand", "`token` and `tokenCommand` are mutually exclusive; remove one"));
        }
        if self.sign_in.is_some() && (self.token.is_some() || self.token_command.is_some()) {
            return Err(Error::input(
                "signIn",
                "`token`, `tokenCommand` and `signIn` are mutually exclusive; keep one",
            ));
        }
        if self.authority.is_some() && self.base_url.is_none() {
            return Err(Error::input("authority", "`authority` requires `baseUrl`; set both"));
        }
        let name = |tenant: &str| tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if self.tenant_id.as_deref().is_some_and(|tenant| tenant.is_empty() || !name(tenant)) {
            return Err(Error::input("tenantId", "not a tenant; use its id or domain"));
        }
        self.proxy()?;
        self.authorities()?;
        self.authority()?;
        self.root().map(|_| ())
    }

    /// The scope of a token for the service: the cloud's, or that of `baseUrl` if it has an authority of its own.
    pub(crate) fn scope(&self) -> String {
        let own = self.base_url.as_deref().filter(|_| self.authority.is_some());
        format!("{}/.default", own.unwrap_or_else(|| self.cloud.root()).trim_end_matches('/'))
    }

    /// The checked URL that issues tokens, without a tenant. A service that is given without one has none: a cloud's
    /// token must not be sent to another service by default.
    pub(crate) fn authority(&self) -> Result<Option<Url>> {
        match (&self.authority, &self.base_url) {
            (Some(authority), _) => address("authority", authority).map(Some),
            (None, Some(_)) => Ok(None),
            (None, None) => address("authority", self.cloud.authority()).map(Some),
        }
    }

    /// The proxy for every request, if one is set.
    pub(crate) fn proxy(&self) -> Result<Option<reqwest::Proxy>> {
        // The URL may contain a password, so the error doesn't repeat it.
        let refuse = |_| Error::input("proxy", "not the URL of a proxy; use one such as http://proxy:3128");
        self.proxy.as_ref().map(|proxy| reqwest::Proxy::all(proxy.expose())).transpose().map_err(refuse)
    }

    /// The certificate authorities in the PEM file, if one is set.
    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let refuse = |why: String| Error::input("caFile", format!("{path}: {why}"));
        let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let read = read.map_err(|error| refuse(error.to_string()))?;
        if read.is_empty() { Err(refuse("contains no certificate; use a PEM file".into())) } else { Ok(read) }
    }

    /// The checked root URL of the service, without a version. The client adds `/beta`, so a URL that ends with a version
    /// is refused.
    pub(crate) fn root(&self) -> Result<Url> {
        let url = address("baseUrl", self.base_url.as_deref().unwrap_or_else(|| self.cloud.root()))?;
        let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if matches!(last, "beta" | "v1.0") {
            return Err(Error::input("baseUrl", format!("contains the version /{last}; use the root URL")));
        }
        Ok(url)
    }
}

/// Parses a URL that tokens or secrets may be sent to. `name` is the setting that it comes from.
fn address(name: &str, text: &str) -> Result<Url> {
    let refuse = |why: String| Error::input(name, why);
    let url = Url::parse(text)
        .map_err(|_| refuse("not an absolute URL; use one such as https://graph.microsoft.com".into()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("contains a user or a password; remove it".into()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("contains a query or a fragment; use the root URL".into()));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refuse("tokens are not sent over plain http except to this machine; use https".into()));
        }
        other => return Err(refuse(format!("{other} is not supported; use https"))),
    }
    Ok(url)
}

/// Whether the URL is on this machine: `localhost`, or an address that is loopback. Names are not resolved.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Cloud, Config};

    #[test]
    fn host_authority_and_scope_belong_to_one_cloud() {
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
        assert_eq!(gateway.authority().unwrap(), None, "a cloud's token is not sent there by default");
        assert_eq!(gateway.scope(), "https://graph.microsoft.com/.default");
    }
}
