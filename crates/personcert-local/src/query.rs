//! The query options of a list.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::reply::Refusal;

type Document = Map<String, Value>;

const PAGE: usize = 100;

/// The options as the caller wrote them.
#[derive(Debug, Default)]
pub struct Query {
    select: Vec<String>,
    filter: Option<String>,
    orderby: Option<String>,
    top: Option<usize>,
    skip: usize,
}

impl Query {
    /// Reads the options; the dollar sign may be left out. Unknown ones are refused.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
            let (name, value) = (decoded(name), decoded(value));
            let number = || {
                value
                    .parse()
                    .map_err(|_| Refusal::new(400, "BadRequest", format!("Invalid value '{value}' for '{name}'.")))
            };
            match name.trim_start_matches('$') {
                "select" => query.select = value.split(',').map(|name| name.trim().to_owned()).collect(),
                "filter" => query.filter = Some(value),
                "orderby" => query.orderby = Some(value),
                "top" => query.top = Some(number()?),
                "skip" => query.skip = number()?,
                _ => {
                    return Err(Refusal::new(
                        400,
                        "BadRequest",
                        format!("The query option '{name}' is not supported."),
                    ));
                }
            }
        }
        Ok(query)
    }

    /// One page of the documents, and the `$skip` of the next one.
    pub fn page(&self, mut documents: Vec<Document>) -> Result<(Vec<Value>, Option<usize>), Refusal> {
        if let Some(filter) = &self.filter {
            let matches = filter_of(filter)?;
            documents.retain(|document| matches(document));
        }
        if let Some(orderby) = &self.orderby {
            let mut words = orderby.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            known(&name)?;
            let key = |document: &Document| document.get(&name).and_then(Value::as_str).unwrap_or_default().to_owned();
            documents.sort_by_cached_key(key);
            match words.next() {
                None | Some("asc") => {}
                Some("desc") => documents.reverse(),
                Some(other) => return Err(Refusal::new(400, "BadRequest", format!("Syntax error at '{other}'."))),
            }
        }
        let top = self.top.unwrap_or(PAGE).clamp(1, 1000);
        let more = documents.len() > self.skip.saturating_add(top);
        let page = documents.into_iter().skip(self.skip).take(top);
        let page = page.map(|document| self.selected(document)).collect::<Result<_, _>>()?;
        Ok((page, more.then_some(self.skip + top)))
    }

    /// The selected members of a document; the id always.
    pub fn selected(&self, mut document: Document) -> Result<Value, Refusal> {
        for name in &self.select {
            known(name)?;
        }
        if !self.select.is_empty() {
            document.retain(|name, _| name == "id" || self.select.contains(name));
        }
        Ok(Value::Object(document))
    }

    /// The same query for the page that begins at `skip`.
    pub fn at(text: &str, skip: usize) -> String {
        let kept = text.split('&').filter(|pair| {
            !pair.is_empty() && !pair.trim_start_matches("%24").trim_start_matches('$').starts_with("skip=")
        });
        kept.map(str::to_owned).chain([format!("$skip={skip}")]).collect::<Vec<_>>().join("&")
    }
}

fn known(name: &str) -> Result<(), Refusal> {
    if personcert::PROPERTIES.iter().any(|property| property.name == name) {
        return Ok(());
    }
    let message = format!("Could not find a property named '{name}' on type 'microsoft.graph.personCertification'.");
    Err(Refusal::new(400, "BadRequest", message))
}

type Matches = Box<dyn Fn(&Document) -> bool>;

/// `name eq 'text'` and `startswith(name,'text')` on the two properties that are useful to find a certification by.
fn filter_of(filter: &str) -> Result<Matches, Refusal> {
    let refuse = || Refusal::new(400, "BadRequest", format!("Invalid filter clause: {filter}"));
    let inner = filter.trim().strip_prefix("startswith(").and_then(|rest| rest.strip_suffix(')'));
    let parts = match inner {
        Some(inner) => inner.split_once(','),
        None => filter.split_once(" eq "),
    };
    let (name, literal) = parts.ok_or_else(refuse)?;
    let name = name.trim().to_owned();
    if !["certificationId", "displayName"].contains(&name.as_str()) {
        return Err(refuse());
    }
    let literal = literal.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(refuse)?;
    let wanted = literal.replace("''", "'").to_lowercase();
    let prefix = inner.is_some();
    Ok(Box::new(move |document| {
        let value = document.get(&name).and_then(Value::as_str).map(str::to_lowercase);
        value.is_some_and(|value| if prefix { value.starts_with(&wanted) } else { value == wanted })
    }))
}
