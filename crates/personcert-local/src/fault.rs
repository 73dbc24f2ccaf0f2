//! Faults: which requests they match.

use std::time::Duration;

use personcert::{Error, Result, options};

use crate::fault_action::FaultAction;
use crate::path::{glob, is_identity, path_of};
use crate::random::Random;
use crate::subject::Subject;

/// The longest delay, in seconds.
const MAX_DELAY_SECONDS: f64 = 60.0;
/// How many faults may be configured at once.
const MAX_FAULTS: usize = 1000;

options! {
    /// A fault: which requests it matches, and what happens to them.
    pub struct Fault as "Fault", "member" {
        method = "method": Option<String> = None, "Only requests with this method.";
        path = "path": Option<String> = None, "Only requests with this decoded path, without the query; `*` matches any text. A fault without a path does not affect sign-ins.";
        user = "user": Option<String> = None, "Only requests about this user, by id or user principal name; `/me` is the token's user.";
        nth = "nth": Option<u64> = None, in 1.0..=f64::INFINITY, "Only the n-th of the matching requests, whatever other faults did to them.";
        step = "step": Option<usize> = None, "Only this step of a `$batch`, counted from 0. Default: whole requests only.";
        probability = "probability": Option<f64> = None, in 0.0..=1.0, "The chance that it acts on a matching request, drawn from the random generator. Default: always.";
        times = "times": Option<u64> = None, "How often it acts at most. Default: without limit.";
        delay = "delay": Option<Delay> = None, "How long a request waits first.";
        act = "act": Option<FaultAction> = None, "What happens instead of the normal response. Default: the normal response.";
    }
}

options! {
    /// A delay: either `fixed` or `logNormal`.
    pub struct Delay as "Delay", "member" {
        fixed = "fixed": Option<f64> = None, in 0.0..=MAX_DELAY_SECONDS, "This many seconds.";
        log_normal = "logNormal": Option<LogNormal> = None, "Seconds from a log-normal distribution, at most 60.";
    }
}

options! {
    /// A log-normal distribution of delays.
    pub struct LogNormal as "LogNormal", "member" {
        required {
            median = "median": f64, in 0.0..=MAX_DELAY_SECONDS, "The median in seconds.";
            sigma = "sigma": f64, in 0.0..=10.0, "The deviation of the logarithm.";
        }
        optional {}
    }
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
    /// Adds faults, all or none.
    pub fn add(&mut self, faults: Vec<Fault>) -> Result<()> {
        if self.0.len() + faults.len() > MAX_FAULTS {
            return Err(Error::input("faults", format!("at most {MAX_FAULTS} faults are supported")));
        }
        for (at, fault) in faults.iter().enumerate() {
            fault.check().map_err(|error| error.at(&format!("faults[{at}]")))?;
        }
        self.0.extend(faults.into_iter().map(|fault| CountedFault { fault, matched: 0, acted: 0 }));
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
    fn draw(&self, random: &mut Random) -> Duration {
        let spread = |LogNormal { median, sigma }: &LogNormal| median * (sigma * random.normal()).exp();
        let seconds = self.fixed.or_else(|| self.log_normal.as_ref().map(spread)).unwrap_or_default();
        Duration::from_secs_f64(seconds.clamp(0.0, MAX_DELAY_SECONDS))
    }
}

impl Fault {
    /// Checks what the types and ranges of the members leave open.
    fn check(&self) -> Result<()> {
        if self.delay.as_ref().is_some_and(|delay| delay.fixed.is_some() == delay.log_normal.is_some()) {
            return Err(Error::input("delay", "must have either `fixed` or `logNormal`"));
        }
        let action = self.act.as_ref().map_or(Ok(()), |action| action.check(self.step.is_some()));
        action.map_err(|error| error.at("act"))
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
