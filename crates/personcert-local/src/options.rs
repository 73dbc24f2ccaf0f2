//! How a local Graph is started.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// Which of the service's two published permission tables holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permissions {
    /// The specification's: application permission `User.ReadWrite.All` allows changes.
    #[default]
    Spec,
    /// The current pages': application permissions are not supported.
    Current,
}

/// How a local Graph is started. Unset options have these defaults: a free port, a database in memory, the default
/// seed, the specification's permissions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The port; 0 for a free one.
    pub port: u16,
    /// The address to listen on, instead of 127.0.0.1.
    pub host: Option<IpAddr>,
    /// Allows an address that other machines reach.
    pub expose: bool,
    /// The file of the database; none for memory.
    pub database: Option<PathBuf>,
    /// Which permission table holds.
    pub permissions: Permissions,
    /// A `.jsonl` or `.csv` file with certifications to begin with.
    pub seed: Option<PathBuf>,
    /// How many users to generate.
    pub users: u32,
    /// How many certifications each generated user has.
    pub certifications: u32,
    /// The seed of the generator, for ids and drawn faults that come again.
    #[serde(alias = "randomSeed")]
    pub random_seed: Option<u64>,
    /// A JSON file with a list of faults to begin with.
    pub faults: Option<PathBuf>,
    /// Whether its address is `https://…`, with a certificate of an authority made for this run.
    pub tls: bool,
    /// Ends every TLS handshake with an alert.
    #[serde(alias = "tlsAlert")]
    pub tls_alert: bool,
}
