//! The descriptions of what commands return.

use personcert::schema::{Kind, Property, Record};

/// Describes an object of the local Graph. A member that is not required may be absent or null.
macro_rules! results {
    ($($constant:ident = $name:literal, $doc:literal { $($member:literal: $kind:expr, $required:literal, $text:literal;)+ })+) => {
        $(
            #[doc = $doc]
            pub const $constant: Record = Record {
                name: $name,
                doc: $doc,
                properties: &[$(Property::member($member, $member, $kind, $required, $text),)+],
                open: false,
            };
        )+
    };
}

results! {
    USER = "LocalUser", "A user of a local Graph." {
        "id": Kind::Text, true, "The object id.";
        "userPrincipalName": Kind::Text, true, "The user principal name.";
        "displayName": Kind::Text, true, "The name.";
    }
    LOGGED_REQUEST = "LoggedRequest", "A request that a local Graph received." {
        "method": Kind::Text, true, "The method.";
        "path": Kind::Text, true, "The path and the query.";
        "headers": Kind::TextMap, true, "The headers, without the token.";
        "body": Kind::Text, true, "The body, of which 1 MiB is kept.";
        "status": Kind::Integer, false, "The status of the response; null without a response, or when the connection was reset.";
        "millis": Kind::Number, false, "How long the response took, in milliseconds.";
        "truncated": Kind::Boolean, false, "Whether the body was longer.";
        "elsewhere": Kind::Boolean, false, "Whether the second listener received it.";
        "authorization": Kind::Boolean, false, "Whether it carried a token, for a request to the second listener.";
    }
    ADDRESSES = "Addresses", "Addresses on this machine for tests." {
        "closed": Kind::Text, true, "Connections are refused.";
        "full": Kind::Text, true, "A connect is not answered.";
        "silent": Kind::Text, true, "Requests are read and never answered.";
        "tlsAlert": Kind::Text, true, "Every TLS handshake ends with an alert.";
        "elsewhere": Kind::Text, true, "The second listener, to which redirects lead.";
        "https": Kind::Text, true, "This graph over TLS.";
    }
    SIGN_IN = "SignIn", "A token request that a local Graph answered." {
        "grant": Kind::Text, false, "The grant type.";
        "clientId": Kind::Text, false, "The application.";
        "at": Kind::Integer, true, "When it came, in seconds since 1970.";
        "ok": Kind::Boolean, true, "Whether a token was issued.";
        "user": Kind::Text, false, "Who signed in.";
        "error": Kind::Text, false, "Why it was refused.";
    }
}
