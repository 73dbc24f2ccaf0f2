//! The options of a local Graph.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// One of the service's two published permission tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permissions {
    /// The specification's: the application permission `User.ReadWrite.All` allows changes.
    #[default]
    Spec,
    /// The current pages': application permissions are not supported.
    Current,
}

/// How a local Graph is started. The defaults are a free port, a database in memory, the default seed and the
/// specification's permissions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The address to listen on; defaults to 127.0.0.1.
    pub host: Option<IpAddr>,
    /// Whether other machines may reach the address.
    pub expose: bool,
    /// The database file; defaults to memory.
    pub database: Option<PathBuf>,
    /// The permission table in force.
    pub permissions: Permissions,
    /// A `.jsonl` or `.csv` file with the initial certifications.
    pub seed: Option<PathBuf>,
    /// How many users to generate.
    pub users: u32,
    /// How many certifications each generated user has.
    pub certifications: u32,
    /// The seed of the generator of ids and random faults.
    #[serde(alias = "randomSeed")]
    pub random_seed: Option<u64>,
    /// A JSON file with a list of initial faults.
    pub faults: Option<PathBuf>,
    /// Whether to serve `https`, with a certificate of an authority that is created for this run.
    pub tls: bool,
    /// Whether to end every TLS handshake with an alert.
    #[serde(alias = "tlsAlert")]
    pub tls_alert: bool,
}
