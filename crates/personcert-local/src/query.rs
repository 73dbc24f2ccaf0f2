//! The query options of a list.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::filter::Filter;
use crate::property::{CREATED, Property, require_known};
use crate::response::ErrorResponse;

type Document = Map<String, Value>;

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// The query options of a request.
#[derive(Debug, Default)]
pub struct Query {
    select: Vec<String>,
    filter: Option<Filter>,
    order: Vec<(Property, Direction)>,
    top: Option<usize>,
    skip: usize,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Ascending,
    Descending,
}

impl Query {
    /// Reads the options; the dollar sign may be left out. Unknown ones are refused.
    pub fn read(text: &str) -> Result<Self, ErrorResponse> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
            let (name, value) = (decoded(name), decoded(value));
            let number = || {
                value.parse().map_err(|_| ErrorResponse::bad_request(format!("Invalid value '{value}' for '{name}'.")))
            };
            match name.trim_start_matches('$') {
                "select" => query.select = selection(&value)?,
                "filter" => query.filter = Some(Filter::parse(&value)?),
                "orderby" => query.order = value.split(',').map(order).collect::<Result<_, _>>()?,
                "top" => query.top = Some(number()?),
                "skip" => query.skip = number()?,
                _ => return Err(ErrorResponse::bad_request(format!("The query option '{name}' is not supported."))),
            }
        }
        Ok(query)
    }

    /// One page of the certifications, and the `$skip` of the next one.
    pub fn page(&self, mut documents: Vec<Document>) -> (Vec<Value>, Option<usize>) {
        if let Some(filter) = &self.filter {
            documents.retain(|document| filter.accepts(document));
        }
        // Each sort is stable, so the most important one comes last.
        documents.sort_by_cached_key(|document| CREATED.of(document));
        for (property, direction) in self.order.iter().rev() {
            match direction {
                Direction::Ascending => documents.sort_by_cached_key(|document| property.of(document)),
                Direction::Descending => {
                    documents.sort_by_cached_key(|document| std::cmp::Reverse(property.of(document)));
                }
            }
        }
        let top = self.top.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE);
        let end = self.skip.saturating_add(top);
        let more = top > 0 && documents.len() > end;
        let page = documents.into_iter().skip(self.skip).take(top).map(|document| self.select(document)).collect();
        (page, more.then_some(end))
    }

    /// The selected members of a certification, and always the id.
    pub fn select(&self, mut document: Document) -> Value {
        if !self.select.is_empty() {
            document.retain(|name, _| name == "id" || self.select.contains(name));
        }
        Value::Object(document)
    }

    /// The selection as `@odata.context` writes it: `(displayName,endDate)`, or nothing.
    pub fn selection(&self) -> String {
        if self.select.is_empty() { String::new() } else { format!("({})", self.select.join(",")) }
    }

    /// The text of the same query for the page that begins at `skip`.
    pub fn text_from(text: &str, skip: usize) -> String {
        let kept = text.split('&').filter(|pair| {
            !pair.is_empty() && !pair.trim_start_matches("%24").trim_start_matches('$').starts_with("skip=")
        });
        kept.map(str::to_owned).chain([format!("$skip={skip}")]).collect::<Vec<_>>().join("&")
    }
}

fn selection(value: &str) -> Result<Vec<String>, ErrorResponse> {
    value.split(',').map(str::trim).map(|name| require_known(name).map(|()| name.to_owned())).collect()
}

/// One part of `$orderby`: a property and perhaps its direction.
fn order(part: &str) -> Result<(Property, Direction), ErrorResponse> {
    let mut words = part.split_whitespace();
    let property = Property::find(words.next().unwrap_or_default())?;
    let direction = match words.next() {
        None | Some("asc") => Direction::Ascending,
        Some("desc") => Direction::Descending,
        Some(other) => return Err(ErrorResponse::bad_request(format!("Syntax error at '{other}' in $orderby."))),
    };
    match words.next() {
        None => Ok((property, direction)),
        Some(other) => Err(ErrorResponse::bad_request(format!("Syntax error at '{other}' in $orderby."))),
    }
}
