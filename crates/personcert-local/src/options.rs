//! How a local Graph is started.

use std::net::IpAddr;
use std::path::PathBuf;

use personcert::host::Dialect;
use personcert::{Result, options, string_enum, string_option};
use serde_json::{Map, Value};

string_enum! {
    /// Which of the service's two published permission tables applies.
    Permissions {
        Spec = "spec", "The specification's: the application permission `User.ReadWrite.All` allows changes.";
        Current = "current", "That of the service's current pages: application permissions are not supported.";
    }
}

string_option!(Permissions, "permission table");

options! {
    /// How a local Graph is started.
    pub struct Options as "LocalGraphOptions", "option" {
        port = "port": u16 = 0, "The port. Default: 0, a free one.";
        host = "host": Option<IpAddr> = None, "The address to listen on. Default: 127.0.0.1.";
        expose = "expose": bool = false, "Whether other machines may reach it; required for a `host` that is not this machine's own.";
        database = "database": Option<PathBuf> = None, "The SQLite file. Default: memory.";
        permissions = "permissions": Permissions = Permissions::Spec, "`spec` for the specification's permission table, where the application permission `User.ReadWrite.All` allows changes; `current` for that of the service's current pages, where no application may change anything. Default: `spec`.";
        seed = "seed": Option<PathBuf> = None, "A JSON Lines or CSV file of certifications to start with.";
        users = "users": u32 = 0, "The number of users to generate (`user0@contoso.com` and so on).";
        certifications = "certifications": u32 = 0, "The number of certifications of each generated user.";
        random_seed = "randomSeed": Option<u64> = None, "The seed of the random generator, which makes ids and random faults repeatable.";
        faults = "faults": Option<PathBuf> = None, "A JSON file with a list of faults to start with. It is read again at each reset.";
        tls = "tls": bool = false, "Whether to serve https, with a certificate for `127.0.0.1` and `localhost` from an authority made for this run.";
        tls_alert = "tlsAlert": bool = false, "Whether to end every TLS handshake with an alert.";
    }
}

impl Options {
    /// Reads a caller's options; unknown names and wrong values are errors. Null means the default.
    pub fn read(options: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        Self::from_members(options, dialect)
    }
}
