//! The table of commands: what languages generate their methods from, and what runs a command by its name.

use std::sync::Arc;

use personcert::host::Dialect;
use personcert::schema::{FromInput as _, Input, Kind, Record, SchemaType as _, choice};
use personcert::{Error, PersonCertification, Result};
use serde_json::{Value, json};

use crate::arguments::{
    AddArguments, ApproveArguments, ChallengeArguments, FaultsArguments, LifetimeArguments, NoArguments,
    RestoreArguments, ScriptArguments, SeedArguments, TokenArguments, UserArguments,
};
use crate::clock::ClockChange;
use crate::graph::Graph;
use crate::identity::applications::Application;
use crate::identity::assertion::EXCHANGE_AUDIENCE;
use crate::log::LogFilter;
use crate::results::{ADDRESSES, LOGGED_REQUEST, SIGN_IN, USER};
use crate::throttle::Limits;

/// A command of the local Graph.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommandSpec {
    /// The name in camel case, as in `POST /_local/{name}`.
    pub name: &'static str,
    /// The name in snake case.
    pub snake: &'static str,
    /// Its arguments.
    pub arguments: &'static Record,
    /// The number of arguments that languages take by position; the others are options.
    pub positional: usize,
    /// The kind of its result; none where it returns nothing.
    pub result: Option<Kind>,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! commands {
    ($($name:literal $snake:literal: $arguments:ty, $positional:literal => $run:expr, $result:expr, $doc:literal;)+) => {
        /// Every command.
        pub const COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            name: $name,
            snake: $snake,
            arguments: &<$arguments>::RECORD,
            positional: $positional,
            result: $result,
            doc: $doc,
        },)+];

        /// Runs the command with this name.
        pub fn run(graph: &Arc<Graph>, name: &str, arguments: Input<'_>, dialect: Dialect) -> Result<Value> {
            let names = COMMANDS.iter().map(|command| (command.name, command.name));
            let name = choice(Input::Text(name), "command", names).map_err(|error| error.at("command"))?;
            match name {
                $($name => {
                    let run: fn(&Arc<Graph>, $arguments) -> Result<Value> = $run;
                    run(graph, <$arguments>::from_input(arguments, dialect)?)
                })+
                _ => Err(Error::input("command", "unknown command")),
            }
        }
    };
}

const CERTIFICATION: Option<Kind> = Some(PersonCertification::KIND);
const CERTIFICATIONS: Option<Kind> = Some(Kind::List(&PersonCertification::KIND));
const USERS: Option<Kind> = Some(Kind::List(&Kind::Record(&USER)));
const REQUESTS: Option<Kind> = Some(Kind::List(&Kind::Record(&LOGGED_REQUEST)));
const SIGN_INS: Option<Kind> = Some(Kind::List(&Kind::Record(&SIGN_IN)));

commands! {
    "token" "token": TokenArguments, 0 => |graph, arguments| graph.new_token(&arguments), Some(Kind::Text), "Creates an access token that is valid for an hour.";
    "add" "add": AddArguments, 2 => |graph, arguments| graph.add(&arguments.user, arguments.certification.0), CERTIFICATION, "Stores a certification and returns it as stored.";
    "certifications" "certifications": UserArguments, 1 => |graph, arguments| graph.certifications(arguments.user.as_deref()), CERTIFICATIONS, "Returns the stored certifications of a user, directly from SQLite.";
    "users" "users": NoArguments, 0 => |graph, _| graph.users(), USERS, "Returns the users.";
    "script" "script": ScriptArguments, 1 => |graph, arguments| graph.script(arguments.answers), None, "Sends these responses to the next requests, in this order.";
    "faults" "faults": FaultsArguments, 1 => |graph, arguments| graph.state().faults.add(arguments.faults).map(|()| Value::Null), None, "Adds faults. A request takes the first fault that matches it and is not used up.";
    "throttle" "throttle": Limits, 0 => |graph, limits| { graph.limit(limits); Ok(Value::Null) }, None, "Sets limits; requests over a limit get 429. Without arguments it removes all limits.";
    "clock" "clock": ClockChange, 0 => |graph, change| graph.change_clock(&change), Some(Kind::Text), "Freezes, releases, sets or moves the clock, and returns its time. Tokens, `Date`, timestamps, `Retry-After` and the limits follow it.";
    "seed" "seed": SeedArguments, 1 => |graph, arguments| { graph.seed(arguments.seed); Ok(Value::Null) }, None, "Restarts the random generator: with the same seed the same ids and random faults follow, and with a frozen clock the same requests get the same bytes.";
    "snapshot" "snapshot": NoArguments, 0 => |graph, _| graph.snapshot(), Some(Kind::Integer), "Keeps a copy of the users and certifications and returns its number. At most 16 copies are kept, across resets.";
    "restore" "restore": RestoreArguments, 1 => |graph, arguments| graph.restore(arguments.snapshot), None, "Restores the users and certifications of a snapshot.";
    "requests" "requests": LogFilter, 0 => |graph, filter| Ok(graph.state().log.select(&filter)), REQUESTS, "Returns the requests since the last reset, or those that match: at most 10,000 requests and 32 MiB, and of a body 1 MiB.";
    "addresses" "addresses": NoArguments, 0 => |graph, _| graph.addresses(), Some(Kind::Record(&ADDRESSES)), "Returns addresses on this machine where connections fail, which open on first use.";
    "caFile" "ca_file": NoArguments, 0 => |graph, _| Ok(json!(graph.tls()?.authority())), Some(Kind::Text), "Returns the path of the PEM file with the authority behind `https`.";
    "app" "app": Application, 1 => |graph, application| graph.register(application), None, "Registers an application.";
    "approve" "approve": ApproveArguments, 0 => |graph, arguments| graph.approve(arguments), None, "Approves or declines a device sign-in.";
    "lifetime" "lifetime": LifetimeArguments, 1 => |graph, arguments| { graph.set_lifetime(arguments.seconds); Ok(Value::Null) }, None, "Sets the lifetime of new access tokens.";
    "revoke" "revoke": UserArguments, 1 => |graph, arguments| graph.revoke(arguments.user.as_deref()), None, "Revokes the sessions of a user: the tokens get 401 and cannot be renewed.";
    "challenge" "challenge": ChallengeArguments, 2 => |graph, arguments| graph.challenge(arguments), None, "Refuses tokens that were not requested with these claims, with 401 and a claims challenge.";
    "federated" "federated": NoArguments, 0 => |graph, _| Ok(json!(graph.federated(EXCHANGE_AUDIENCE))), Some(Kind::Text), "Creates a token of another issuer, which every application here trusts.";
    "signIns" "sign_ins": NoArguments, 0 => |graph, _| Ok(graph.state().identity.sign_ins()), SIGN_INS, "Returns the token requests since the last reset. They are not part of `requests`.";
    "reset" "reset": NoArguments, 0 => |graph, _| graph.reset().map(|()| Value::Null), None, "Restores the state of the start, without responses, faults, limits, clock, seed and sign-ins. Snapshots are kept.";
}
