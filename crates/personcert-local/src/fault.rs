//! Faults: which requests they match.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::fault_action::FaultAction;
use crate::path::{glob, is_identity, path_of};
use crate::random::Random;
use crate::subject::Subject;

/// The longest delay, in seconds.
const MAX_DELAY_SECONDS: f64 = 60.0;
/// How many faults may be configured at once.
const MAX_FAULTS: usize = 1000;

/// What goes wrong, and for which requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Fault {
    method: Option<String>,
    path: Option<String>,
    user: Option<String>,
    nth: Option<u64>,
    step: Option<usize>,
    probability: Option<f64>,
    times: Option<u64>,
    delay: Option<Delay>,
    act: Option<FaultAction>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Delay {
    Fixed(f64),
    LogNormal { median: f64, sigma: f64 },
}

/// The parts of a request that faults match.
#[derive(Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a str,
    /// The path and query as on the wire.
    pub path: &'a str,
    /// The user it concerns.
    pub subject: &'a Subject,
    /// Its number in a `$batch`; none for a request of its own.
    pub step: Option<usize>,
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub struct InjectedFault {
    /// How long to wait first.
    pub delay: Duration,
    /// What happens instead of the normal response.
    pub action: Option<FaultAction>,
}

/// The configured faults.
#[derive(Debug, Default)]
pub struct Faults(Vec<CountedFault>);

#[derive(Debug)]
struct CountedFault {
    fault: Fault,
    /// How many requests it matched.
    matched: u64,
    /// How often it acted.
    acted: u64,
}

impl Faults {
    /// Adds faults from JSON, all or none. An error names the place and the problem.
    pub fn add(&mut self, faults: &Value) -> Result<(), (String, String)> {
        let list = faults.as_array().ok_or_else(|| ("faults".to_owned(), "expected a list of faults".to_owned()))?;
        if self.0.len() + list.len() > MAX_FAULTS {
            return Err(("faults".into(), format!("at most {MAX_FAULTS} faults are supported")));
        }
        let read = |(n, fault): (usize, &Value)| {
            let fault = Fault::deserialize(fault).map_err(|error| error.to_string());
            let checked = fault.and_then(|fault| fault.check().map(|()| CountedFault { fault, matched: 0, acted: 0 }));
            checked.map_err(|problem| (format!("faults[{n}]"), problem))
        };
        let read = list.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        self.0.extend(read);
        Ok(())
    }

    /// Finds the fault for a request: the first one that matches and is not used up. Every fault counts every request
    /// that it matches, so that `nth` does not depend on the other faults.
    pub fn match_request(&mut self, request: &RequestView, random: &mut Random) -> InjectedFault {
        let mut found = None;
        for counted in self.0.iter_mut().filter(|counted| counted.fault.matches(request)) {
            let fault = &counted.fault;
            counted.matched += 1;
            let is_due = fault.nth.is_none_or(|nth| nth == counted.matched)
                && fault.times.is_none_or(|times| counted.acted < times);
            if found.is_none() && is_due && fault.probability.is_none_or(|chance| random.unit() < chance) {
                counted.acted += 1;
                found = Some(fault.clone());
            }
        }
        found.map_or_else(InjectedFault::default, |fault| InjectedFault {
            delay: fault.delay.map_or(Duration::ZERO, |delay| delay.draw(random)),
            action: fault.act,
        })
    }
}

impl Delay {
    fn check(&self) -> Result<(), String> {
        let range = 0.0..=MAX_DELAY_SECONDS;
        let is_valid = match self {
            Self::Fixed(seconds) => range.contains(seconds),
            Self::LogNormal { median, sigma } => range.contains(median) && (0.0..=10.0).contains(sigma),
        };
        if is_valid {
            return Ok(());
        }
        Err(format!("`delay` must be from 0 to {MAX_DELAY_SECONDS} seconds, and `sigma` from 0 to 10"))
    }

    fn draw(&self, random: &mut Random) -> Duration {
        let seconds = match self {
            Self::Fixed(seconds) => *seconds,
            Self::LogNormal { median, sigma } => median * (sigma * random.normal()).exp(),
        };
        Duration::from_secs_f64(seconds.clamp(0.0, MAX_DELAY_SECONDS))
    }
}

impl Fault {
    fn check(&self) -> Result<(), String> {
        if self.probability.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return Err("`probability` must be from 0 to 1".into());
        }
        if self.nth == Some(0) {
            return Err("`nth` must be at least 1".into());
        }
        if let Some(delay) = &self.delay {
            delay.check()?;
        }
        match &self.act {
            Some(action) => action.check(self.step.is_some()).map_err(|problem| format!("`act`: {problem}")),
            None => Ok(()),
        }
    }

    fn matches(&self, request: &RequestView) -> bool {
        // A fault without a path does not affect sign-ins.
        (self.path.is_some() || !is_identity(request.path))
            && self.step == request.step
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(request.method))
            && self.path.as_ref().is_none_or(|path| glob(path, &path_of(request.path)))
            && self.user.as_ref().is_none_or(|user| request.subject.is(user))
    }
}
