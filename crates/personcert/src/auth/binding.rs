//! What a client keeps to, whatever is available or stored later.
//!
//! A job that began as one identity must not continue as another, even if its first credential disappears or another user
//! signs in on the same machine.

use std::sync::{Arc, OnceLock};

use super::session_store::{AccountId, StoredSession};
use crate::config::SignIn;

/// The sign-in method that a client chose, and the account of its first token from a session. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialBinding(Arc<Bound>);

#[derive(Debug, Default)]
struct Bound {
    method: OnceLock<SignIn>,
    account: OnceLock<AccountId>,
}

impl CredentialBinding {
    /// The sign-in method that was chosen, once one was.
    pub(super) fn method(&self) -> Option<SignIn> {
        self.0.method.get().copied()
    }

    /// The account that tokens were issued for, once one was.
    pub(super) fn account(&self) -> Option<&AccountId> {
        self.0.account.get()
    }

    /// Binds to a sign-in method, unless that happened before.
    pub(super) fn bind_method(&self, method: SignIn) {
        self.0.method.get_or_init(|| method);
    }

    /// Binds to an account, unless that happened before. Returns the account.
    pub(super) fn bind_account(&self, account: AccountId) -> &AccountId {
        self.0.account.get_or_init(|| account)
    }

    /// Whether tokens of a session may be issued: any before the first one, then those of the same account.
    pub(super) fn accepts(&self, session: &StoredSession) -> bool {
        self.account().is_none_or(|account| *account == session.account_id())
    }

    /// The same binding for a process that was forked. It takes no lock.
    pub(super) fn for_new_process(&self) -> Self {
        let account = self.account().cloned().map_or_else(OnceLock::new, OnceLock::from);
        let method = self.method().map_or_else(OnceLock::new, OnceLock::from);
        Self(Arc::new(Bound { method, account }))
    }
}
