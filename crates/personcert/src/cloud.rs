//! The national clouds, each with its Graph and its token issuer.

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
    /// The root of the cloud's Graph.
    pub const fn root(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::UsGovDod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// The URL that issues tokens for the cloud, without a tenant.
    pub const fn authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }
}

#[allow(clippy::derivable_impls, reason = "the macro that declares the enum derives the same for all")]
impl Default for Cloud {
    fn default() -> Self {
        Self::Global
    }
}
