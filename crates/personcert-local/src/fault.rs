//! Faults: which requests they meet.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::act::Act;
use crate::path::{glob, is_identity, path_of};
use crate::random::Random;
use crate::who::Who;

/// The longest delay, in seconds.
const LONGEST: f64 = 60.0;
/// How many faults there may be.
const MOST: usize = 1000;

/// Something that goes wrong, and when.
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
    act: Option<Act>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Delay {
    Fixed(f64),
    LogNormal { median: f64, sigma: f64 },
}

/// A request as far as a fault looks at it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as on the wire, with its query.
    pub path: &'a str,
    /// Whom it is about.
    pub who: &'a Who,
    /// Which step of a `$batch` it is; none for a request of its own.
    pub step: Option<usize>,
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub struct Trouble {
    /// How long nothing happens.
    pub delay: Duration,
    /// What happens instead of the usual.
    pub act: Option<Act>,
}

/// The faults, each with how often it was met and how often it acted.
#[derive(Debug, Default)]
pub struct Faults(Vec<(Fault, u64, u64)>);

impl Faults {
    /// Adds faults from JSON, all or none.
    pub fn add(&mut self, faults: &Value) -> Result<(), (String, String)> {
        let list = faults.as_array().ok_or_else(|| ("faults".to_owned(), "expected a list of faults".to_owned()))?;
        if self.0.len() + list.len() > MOST {
            return Err(("faults".into(), format!("there may be {MOST} faults")));
        }
        let read = |(n, fault): (usize, &Value)| {
            let fault = Fault::deserialize(fault).map_err(|error| error.to_string());
            let fault = fault.and_then(|fault| fault.check().map(|()| (fault, 0, 0)));
            fault.map_err(|why| (format!("faults[{n}]"), why))
        };
        let read = list.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        self.0.extend(read);
        Ok(())
    }

    /// What goes wrong with this request: the first fault that fits and isn't used up. Every fault counts every
    /// request that it fits, so that "the second" means the same whatever the others do.
    pub fn meet(&mut self, seen: &Seen, random: &mut Random) -> Trouble {
        let mut met = None;
        for (fault, count, acted) in self.0.iter_mut().filter(|(fault, ..)| fault.fits(seen)) {
            *count += 1;
            let due = fault.nth.is_none_or(|nth| nth == *count) && fault.times.is_none_or(|times| *acted < times);
            if met.is_none() && due && fault.probability.is_none_or(|chance| random.unit() < chance) {
                *acted += 1;
                met = Some(fault.clone());
            }
        }
        met.map_or_else(Trouble::default, |fault| {
            let delay = fault.delay.map_or(0.0, |delay| match delay {
                Delay::Fixed(seconds) => seconds,
                Delay::LogNormal { median, sigma } => median * (sigma * random.normal()).exp(),
            });
            Trouble { delay: Duration::from_secs_f64(delay.clamp(0.0, LONGEST)), act: fault.act }
        })
    }
}

impl Fault {
    fn check(&self) -> Result<(), String> {
        if self.probability.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return Err("`probability` is from 0 to 1".into());
        }
        if self.nth == Some(0) {
            return Err("`nth` counts from 1".into());
        }
        let right = match self.delay {
            None => true,
            Some(Delay::Fixed(seconds)) => (0.0..=LONGEST).contains(&seconds),
            Some(Delay::LogNormal { median, sigma }) => {
                (0.0..=LONGEST).contains(&median) && (0.0..=10.0).contains(&sigma)
            }
        };
        if !right {
            return Err(format!("`delay` is from 0 to {LONGEST} seconds, `sigma` from 0 to 10"));
        }
        match &self.act {
            Some(act) => act.check(self.step.is_some()).map_err(|why| format!("`act`: {why}")),
            None => Ok(()),
        }
    }

    fn fits(&self, seen: &Seen) -> bool {
        // A fault that names no address leaves sign-ins alone.
        (self.path.is_some() || !is_identity(seen.path))
            && self.step == seen.step
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(seen.method))
            && self.path.as_ref().is_none_or(|path| glob(path, &path_of(seen.path)))
            && self.user.as_ref().is_none_or(|user| seen.who.is(user))
    }
}
