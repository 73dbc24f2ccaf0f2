//! The ways of signing in, and the order in which they are tried.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use url::Url;

use super::app::{App, GitHub, Proof};
use super::authority::{Authority, failure};
use super::azure::{Cli, METADATA, Managed};
use super::certificate::Certificate;
use super::session::{Account, Session};
use super::store::Store;
use super::token::TokenFuture;
use super::{AccessToken, Prompt, Show, TokenProvider, TokenRequest};
use crate::config::{SignIn, is_loopback};
use crate::http::build_client;
use crate::{Config, Error, Result};

/// The order in which the ways are tried when none is named. People come first: the service's pages take nobody else
/// for this operation. Then what was set up for this program, what the machine gives, and last what a developer left.
const ORDER: [SignIn; 6] = [
    SignIn::Login,
    SignIn::ClientSecret,
    SignIn::Certificate,
    SignIn::WorkloadIdentity,
    SignIn::ManagedIdentity,
    SignIn::AzureCli,
];
/// The tenant that stands for that of the person's account.
const ANY: &str = "organizations";
/// A virtual machine answers about itself at once; elsewhere nothing does.
const PROBE: Duration = Duration::from_secs(1);

/// Where tokens come from when none was given: the way that the settings name, or the first there is.
pub(crate) struct Ways {
    config: Config,
    show: Show,
    open: Mutex<Option<Way>>,
}

type Way = Arc<dyn TokenProvider>;
/// A way of signing in, or why it is not there.
type Opened = Result<Way, String>;

impl Ways {
    pub(crate) fn new(config: &Config, show: Show) -> Self {
        Self { config: config.clone(), show, open: Mutex::default() }
    }

    async fn obtain(&self, request: TokenRequest) -> Result<AccessToken> {
        let mut open = self.open.lock().await;
        if let Some(way) = open.clone() {
            drop(open);
            return way.token(request).await;
        }
        if self.config.authority()?.is_none() {
            return Err(failure(
                "there is no token; give an access token, or, beside the base URL of the service, the authority \
                 that issues its tokens",
            ));
        }
        let settings = Settings { config: &self.config, show: &self.show };
        let Some(named) = named(&self.config) else {
            let (way, token) = settings.first(&request).await?;
            *open = Some(way);
            return Ok(token);
        };
        let absent = |why| failure(format!("the sign-in `{named}` is not there: {why}"));
        let way = Arc::clone(open.insert(settings.open(named).await.map_err(absent)?));
        drop(open);
        way.token(request).await
    }
}

impl TokenProvider for Ways {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.obtain(request).await })
    }

    fn is_interactive(&self) -> bool {
        matches!(self.config.sign_in, Some(SignIn::Browser | SignIn::DeviceCode))
    }
}

/// The way that the settings name, or that they are for.
fn named(config: &Config) -> Option<SignIn> {
    let of = |given: bool, way| given.then_some(way);
    config
        .sign_in
        .or(of(config.client_secret.is_some(), SignIn::ClientSecret))
        .or(of(config.certificate_file.is_some(), SignIn::Certificate))
        .or(of(config.federated_token_file.is_some(), SignIn::WorkloadIdentity))
}

/// Signs a person in, in the browser or with a code, and keeps the sign-in for every program of this user.
/// The settings name the application (`client_id`) and, if it isn't that of the person's account, the tenant; `prompt`
/// shows the person what to do.
pub async fn login(config: &Config, prompt: impl Fn(&Prompt) + Send + Sync + 'static) -> Result<Account> {
    let show = Show(Arc::new(prompt));
    let settings = Settings { config, show: &show };
    let way = match config.sign_in {
        None | Some(SignIn::Login) => SignIn::Browser,
        Some(way @ (SignIn::Browser | SignIn::DeviceCode)) => way,
        Some(_) => return Err(Error::input("signIn", "a person signs in with `browser` or with `device-code`")),
    };
    let client = settings.client().map_err(failure)?;
    let session = Session::new(settings.authority(ANY)?, client, Store::new(config)?, Some(way), show.clone());
    session.sign_in(&TokenRequest { scope: config.scope(), claims: None, now: SystemTime::now() }).await
}

/// Forgets the sign-in to the configured Graph. False when there was none.
pub async fn logout(config: &Config) -> Result<bool> {
    Store::new(config)?.remove().await
}

/// Who is signed in to the configured Graph, as [`login`] left it. Nobody is asked.
pub async fn account(config: &Config) -> Result<Option<Account>> {
    Ok(Store::new(config)?.load().await?.map(|(kept, place)| Account::new(&kept, place)))
}

/// The settings, completed by the environment.
struct Settings<'a> {
    config: &'a Config,
    show: &'a Show,
}

impl Settings<'_> {
    /// The first way there is, with its token. What was set up here and fails is not passed over, for it was meant; what
    /// merely happens to be around is.
    async fn first(&self, request: &TokenRequest) -> Result<(Way, AccessToken)> {
        let mut tried = Vec::new();
        for way in ORDER {
            let around = matches!(way, SignIn::ManagedIdentity | SignIn::AzureCli);
            let why = match self.open(way).await {
                Err(why) => why,
                Ok(opened) => match Arc::clone(&opened).token(request.clone()).await {
                    Err(error) if around => error.message,
                    token => {
                        tracing::debug!(way = way.as_str(), "signed in");
                        return token.map(|token| (opened, token));
                    }
                },
            };
            tried.push(format!("{way}: {why}"));
        }
        Err(failure(format!("there is no token and no way to get one. {}", tried.join("; "))))
    }

    async fn open(&self, way: SignIn) -> Opened {
        let way: Way = match way {
            SignIn::Login => Arc::new(self.kept().await?),
            SignIn::Browser | SignIn::DeviceCode => {
                let authority = self.authority(ANY).map_err(message)?;
                let store = Store::new(self.config).map_err(message)?;
                Arc::new(Session::new(authority, self.client()?, store, Some(way), self.show.clone()))
            }
            SignIn::ClientSecret => {
                let given = self.config.client_secret.clone();
                let secret = given.or_else(|| Some(variable("AZURE_CLIENT_SECRET")?.into()));
                self.app(Proof::Secret(secret.ok_or("there is no secret (AZURE_CLIENT_SECRET is not set)")?))?
            }
            SignIn::Certificate => {
                let file = setting(self.config.certificate_file.as_ref(), "AZURE_CLIENT_CERTIFICATE_PATH");
                let file = file.ok_or("there is no certificate (AZURE_CLIENT_CERTIFICATE_PATH is not set)")?;
                let password = self.config.certificate_password.clone();
                let password = password.or_else(|| Some(variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")?.into()));
                let read = Certificate::read(Path::new(&file), password.as_ref().map(crate::Secret::expose));
                self.app(Proof::Certificate(read.map_err(|why| format!("{file}: {why}"))?))?
            }
            SignIn::WorkloadIdentity => self.app(self.federated()?)?,
            SignIn::ManagedIdentity => {
                let metadata = metadata()?;
                if variable("IDENTITY_ENDPOINT").is_none() {
                    self.answers(metadata.as_ref()).await?;
                }
                let client = setting(self.config.client_id.as_ref(), "AZURE_CLIENT_ID");
                Arc::new(Managed { config: self.config.clone(), client, metadata })
            }
            SignIn::AzureCli => {
                let found = std::env::var_os("PATH").is_some_and(|path| {
                    std::env::split_paths(&path)
                        .any(|folder| ["az", "az.cmd"].iter().any(|az| folder.join(az).is_file()))
                });
                if !found {
                    return Err("the program `az` is not there".into());
                }
                Arc::new(Cli { tenant: setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID") })
            }
        };
        Ok(way)
    }

    /// What an earlier sign-in left, when it fits the settings.
    async fn kept(&self) -> Result<Session, String> {
        let store = Store::new(self.config).map_err(message)?;
        let kept = store.load().await.map_err(message)?;
        let (kept, _) = kept.ok_or("nobody is signed in; `personcert login` does that")?;
        let other = |given: &Option<String>, kept: &String| given.as_ref().is_some_and(|given| given != kept);
        if other(&self.config.client_id, &kept.client) || other(&self.config.tenant_id, &kept.tenant) {
            return Err(
                "somebody is signed in to another application or tenant; `personcert login` changes that".into()
            );
        }
        let root = self.root().map_err(message)?;
        let authority = Authority::new(self.config.clone(), root, kept.tenant);
        Ok(Session::new(authority, kept.client, store, None, self.show.clone()))
    }

    /// Whether this is a machine of Azure: it answers about itself, and not to questions without the header that only
    /// programs on it can set. Other clouds answer at the same address, and otherwise.
    async fn answers(&self, metadata: Option<&Url>) -> Result<(), String> {
        let no = || "this is no machine or app service of Azure with an identity".to_owned();
        let usual = Url::parse(METADATA).map_err(|error| error.to_string())?;
        let mut url = metadata.unwrap_or(&usual).clone();
        url.set_path("/metadata/identity/oauth2/token");
        let http = build_client(self.config, &url).map_err(message)?;
        let answer = tokio::time::timeout(PROBE, http.get(url).send()).await;
        answer.ok().and_then(Result::ok).filter(|answer| answer.status() == 400).map(drop).ok_or_else(no)
    }

    fn federated(&self) -> Result<Proof, String> {
        if let Some(file) = setting(self.config.federated_token_file.as_ref(), "AZURE_FEDERATED_TOKEN_FILE") {
            return Ok(Proof::File(PathBuf::from(file)));
        }
        let (address, token) =
            variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")).ok_or(
                "there is no federated token (AZURE_FEDERATED_TOKEN_FILE is not set, and this is no job of GitHub \
                    Actions with `id-token: write`)",
            )?;
        let address = Url::parse(&address).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
        let address = address.ok_or("ACTIONS_ID_TOKEN_REQUEST_URL is no address for a token")?;
        Ok(Proof::GitHub(GitHub { address, token: token.into() }))
    }

    fn app(&self, proof: Proof) -> Opened {
        let tenant = setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID");
        let tenant = tenant.ok_or("there is no tenant (AZURE_TENANT_ID is not set)")?;
        let authority = self.authority(&tenant).map_err(message)?;
        Ok(Arc::new(App { authority, client: self.client()?, proof }))
    }

    fn client(&self) -> Result<String, String> {
        let client = setting(self.config.client_id.as_ref(), "AZURE_CLIENT_ID");
        client.ok_or_else(|| {
            "there is no application; give the client id of the one you registered (AZURE_CLIENT_ID)".into()
        })
    }

    fn root(&self) -> Result<Url> {
        self.config.authority()?.ok_or_else(|| failure("there is no authority for this service; give its address"))
    }

    fn authority(&self, usual: &str) -> Result<Authority> {
        let tenant = setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID").unwrap_or_else(|| usual.to_owned());
        Ok(Authority::new(self.config.clone(), self.root()?, tenant))
    }
}

/// Where the machine answers about itself, when that is not the usual address.
fn metadata() -> Result<Option<Url>, String> {
    let Some(text) = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST") else { return Ok(None) };
    Url::parse(&text).map(Some).map_err(|error| format!("AZURE_POD_IDENTITY_AUTHORITY_HOST: {error}"))
}

fn setting(given: Option<&String>, name: &str) -> Option<String> {
    given.cloned().or_else(|| variable(name))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn message(error: crate::Error) -> String {
    error.message
}
