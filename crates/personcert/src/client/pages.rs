//! Lists, page by page to the end.
//!
//! Graph may page any collection and may change the size of pages, so the next link is followed until none comes, as the
//! service wrote it. A link to another host is refused, because the access token would go there, and a link that was
//! followed before ends the list with an error instead of a loop.
//! Source: Graph's "Paging Microsoft Graph data in your app".

use std::collections::HashSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Client;
use super::execute::with_retries;
use super::service::ApiRequest;
use crate::cancel::CallState;
use crate::{Error, ErrorKind, Outcome, PersonCertification, Result, User};

/// Which certifications of a user a list holds, and how. The default asks for all of them, in the service's order. The
/// expressions are sent as they are, percent-encoded; the service decides what it supports.
/// Source: Graph's "List certifications" (beta), optional query parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// `$select`: Graph's names of the members wanted; none means all.
    pub select: Vec<String>,
    /// `$filter`: an `OData` expression.
    pub filter: Option<String>,
    /// `$orderby`: an `OData` expression such as `displayName desc`.
    pub orderby: Option<String>,
    /// `$top`: how many certifications a page holds; the service may send fewer or more.
    pub top: Option<u64>,
    /// `$skip`: how many certifications to leave out.
    pub skip: Option<u64>,
}

impl ListQuery {
    /// The query with its question mark, or nothing.
    pub(super) fn text(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let parts = [
            (!self.select.is_empty()).then(|| format!("$select={}", self.select.join(","))),
            self.filter.as_deref().map(|filter| format!("$filter={}", encoded(filter))),
            self.orderby.as_deref().map(|orderby| format!("$orderby={}", encoded(orderby))),
            self.top.map(|top| format!("$top={top}")),
            self.skip.map(|skip| format!("$skip={skip}")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

/// The pages of a list. Each is fetched when it is asked for. [`Client::list`] returns it.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    user: User,
    next: Option<String>,
    seen: HashSet<String>,
    /// How far the request for a page got.
    pub(super) state: CallState,
}

#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) value: Vec<PersonCertification>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
}

impl Pages {
    pub(super) fn new(client: Client, user: User, first: String) -> Self {
        Self { client, user, seen: HashSet::from([first.clone()]), next: Some(first), state: CallState::default() }
    }

    /// Continues the list over the connections of `client`, on the runtime they belong to: see
    /// [`Client::for_new_runtime`].
    pub fn move_to(&mut self, client: &Client) {
        self.client.transport = std::sync::Arc::clone(&client.transport);
    }

    /// The next page, which may be empty; none after the last. A link to the page after it is followed as the service wrote
    /// it, but only on the same host and never twice. After an error the same page can be asked for again.
    ///
    /// # Errors
    /// Every kind; `protocol` for a link that must not be followed.
    pub async fn next(&mut self) -> Result<Option<Vec<PersonCertification>>> {
        let Some(path) = &self.next else { return Ok(None) };
        let request = ApiRequest::read(&self.user, path.clone(), self.user.template());
        let mut context = self.client.defaults.begin(None);
        context.state = self.state.clone();
        let page: Page = with_retries(&self.client, &mut context, &request).await?.json()?;
        let next = page.next.map(|link| self.client.service.relative_link(&link)).transpose()?;
        if let Some(next) = &next
            && (next == path || !self.seen.insert(next.clone()))
        {
            let why = "pagination loop: a next link was repeated";
            return Err(Error::new(ErrorKind::Protocol, Outcome::Refused, why));
        }
        self.next = next;
        Ok(Some(page.value))
    }
}
