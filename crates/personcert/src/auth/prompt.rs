//! What a person who is to sign in is told.

use std::fmt;
use std::sync::Arc;

use crate::display::escape;
use crate::schema::output;

output! {
    /// What a person is to do so that a sign-in goes on.
    pub struct Prompt {
        message = "message": String, "All of it in one sentence.";
        address = "address": String, "The address to open in a browser.";
        code = "code": Option<String>, "The code to enter there; absent where the browser of this machine opens by itself.";
    }
}

/// Shows it to the person.
#[derive(Clone)]
pub(crate) struct Show(pub(crate) Arc<dyn Fn(&Prompt) + Send + Sync>);

impl Default for Show {
    /// On standard error, where programs talk to people.
    fn default() -> Self {
        Self(Arc::new(|prompt| eprintln!("{}", prompt.message)))
    }
}

impl fmt::Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Show")
    }
}

impl Show {
    pub(super) fn tell(&self, message: String, address: &str, code: Option<&str>) {
        let message = escape(&message).into_owned();
        let prompt = Prompt { message, address: address.to_owned(), code: code.map(str::to_owned) };
        (self.0)(&prompt);
    }
}
