//! What a user has to do to sign in, and how they are prompted.
//!
//! The text comes partly from the identity platform, so it is made safe to print here, once for every front end.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use crate::display::escape;
use crate::schema::output;

output! {
    /// What a user has to do to sign in.
    pub struct Prompt {
        message = "message": String, "The whole instruction in one sentence.";
        address = "address": String, "The address to open in a browser.";
        code = "code": Option<String>, "The code to enter there. Absent when the browser of this machine opens by itself.";
    }
}

/// Shows a prompt to the user.
#[derive(Clone)]
pub(crate) struct PromptHandler(pub(crate) Arc<dyn Fn(&Prompt) + Send + Sync>);

impl Default for PromptHandler {
    /// Prints to standard error.
    fn default() -> Self {
        Self(Arc::new(|prompt| {
            // A closed standard error must not end the sign-in with a panic.
            let _ = writeln!(std::io::stderr(), "{}", prompt.message);
        }))
    }
}

impl fmt::Debug for PromptHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PromptHandler")
    }
}

impl PromptHandler {
    /// Shows an instruction with the address to open, and the code to enter there.
    pub(super) fn show(&self, message: String, address: &str, code: Option<&str>) {
        let message = escape(&message).into_owned();
        let prompt = Prompt { message, address: address.to_owned(), code: code.map(str::to_owned) };
        (self.0)(&prompt);
    }
}
