//! The arguments of the commands.

use personcert::host::Dialect;
use personcert::schema::{FromInput, Input, Kind, SchemaType, object};
use personcert::{PersonCertification, Result, options, string_enum, string_option};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::scripted_response::ScriptedResponse;

/// The longest lifetime of access tokens, in seconds.
const MAX_LIFETIME_SECONDS: f64 = 86_400.0;

string_enum! {
    /// Who an access token is for.
    TokenKind {
        Work = "work", "A user with a work account.";
        Personal = "personal", "A user with a personal account.";
        App = "app", "An application without a user; the scopes are its roles.";
    }
}
string_option!(TokenKind, "kind of token");

options! {
    /// The arguments of a command that takes none.
    pub struct NoArguments as "NoArguments", "argument" {
        required {}
        optional {}
    }
}

options! {
    /// The access token to create.
    pub struct TokenArguments as "TokenOptions", "argument" {
        user = "user": Option<String> = None, "The user's id or user principal name. Default: the specification's user.";
        scopes = "scopes": Vec<String> = vec!["User.ReadWrite.All".to_owned()], "The permissions. Default: `User.ReadWrite.All`.";
        kind = "kind": TokenKind = TokenKind::Work, "`work`, `personal`, or `app` for an application without a user. Default: `work`.";
    }
}

options! {
    /// The certification to store.
    pub struct AddArguments as "AddArguments", "argument" {
        required {
            user = "user": String, "The user's id or user principal name; a missing user is created.";
            certification = "certification": Certification, "The certification in Graph's names, read-only properties included.";
        }
        optional {}
    }
}

options! {
    /// The user whom a command concerns.
    pub struct UserArguments as "UserArguments", "argument" {
        user = "user": Option<String> = None, "The user's id or user principal name. Default: the specification's user.";
    }
}

options! {
    /// The responses to send.
    pub struct ScriptArguments as "ScriptArguments", "argument" {
        required { answers = "answers": Vec<ScriptedResponse>, "The responses, in the order in which they are sent."; }
        optional {}
    }
}

options! {
    /// The faults to add.
    pub struct FaultsArguments as "FaultsArguments", "argument" {
        required { faults = "faults": Vec<Fault>, "The faults, added to the existing ones."; }
        optional {}
    }
}

options! {
    /// The seed of the random generator.
    pub struct SeedArguments as "SeedArguments", "argument" {
        required { seed = "seed": u64, "The seed."; }
        optional {}
    }
}

options! {
    /// The snapshot to restore.
    pub struct RestoreArguments as "RestoreArguments", "argument" {
        required { snapshot = "snapshot": usize, "The number that `snapshot` returned."; }
        optional {}
    }
}

options! {
    /// The device sign-in to decide.
    pub struct ApproveArguments as "ApproveOptions", "argument" {
        user_code = "userCode": Option<String> = None, "The code that the device shows. Default: every device sign-in from now on.";
        user = "user": Option<String> = None, "The user who signs in. Default: the specification's user.";
        decline = "decline": bool = false, "Whether to decline the sign-in instead.";
    }
}

options! {
    /// The lifetime of new access tokens.
    pub struct LifetimeArguments as "LifetimeArguments", "argument" {
        required { seconds = "seconds": u32, in 1.0..=MAX_LIFETIME_SECONDS, "The lifetime in seconds."; }
        optional {}
    }
}

options! {
    /// The claims that tokens must have been requested with.
    pub struct ChallengeArguments as "ChallengeArguments", "argument" {
        required { claims = "claims": Map<String, Value>, "The claims, such as `{\"access_token\": {\"acrs\": {\"value\": \"c1\"}}}`."; }
        optional { user = "user": Option<String> = None, "The user whose tokens are refused. Default: all users."; }
    }
}

/// The members of a certification, which are stored as they are.
#[derive(Clone, Debug)]
pub struct Certification(pub Map<String, Value>);

impl SchemaType for Certification {
    const KIND: Kind = PersonCertification::KIND;
}

impl FromInput for Certification {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        object(input, &PersonCertification::RECORD).cloned().map(Self)
    }
}
