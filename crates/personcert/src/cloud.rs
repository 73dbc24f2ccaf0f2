//! The national clouds, each with its Graph and its token issuer.
//!
//! A token is valid in the cloud that issued it and nowhere else, so host, issuer and scope always come from one
//! [`Cloud`]. [`Config`](crate::Config) falls back to a custom `baseUrl` only with an `authority` of its own.

use crate::{string_enum, string_option};

string_enum! {
    /// The clouds that Graph runs in.
    /// Source: Graph's "National cloud deployments".
    Cloud {
        Global = "global", "The worldwide service, and US Government GCC.";
        UsGov = "us-gov", "US Government L4 (GCC High).";
        UsGovDod = "us-gov-dod", "US Government L5 (DoD).";
        China = "china", "China, operated by 21Vianet.";
    }
}

string_option!(Cloud, "cloud");

impl Cloud {
    /// The root URL of the cloud's Graph, without a version and without a slash at the end.
    ///
    /// ```
    /// assert_eq!(personcert::Cloud::UsGov.root(), "https://graph.microsoft.us");
    /// ```
    pub const fn root(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::UsGovDod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// The URL that issues tokens for the cloud, without a tenant and without a slash at the end. The two clouds of the US
    /// government share theirs.
    pub const fn authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }
}
