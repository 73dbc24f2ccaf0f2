//! The addresses of certifications, and patterns of addresses.

use percent_encoding::percent_decode_str;

use crate::response::ErrorResponse;

/// Whose certifications an address names.
#[derive(Debug)]
pub enum Owner {
    /// The signed-in user's.
    Me,
    /// Those of the user with this id or user principal name.
    Named(String),
}

/// Reads whose certifications a path names, and which one. The segments are split before they are decoded, so that an
/// encoded slash stays inside its segment.
pub fn parse_path(path: &str) -> Result<(Owner, Option<String>), ErrorResponse> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = Segments { rest: path.trim_start_matches('/').split('/'), last: "" };
    let version = segments.next()?;
    if !["beta", "v1.0"].contains(&version) {
        return Err(ErrorResponse::bad_request(format!("Invalid version: {version}")));
    }
    let owner = match segments.next()? {
        "me" => Owner::Me,
        "users" => match segments.next()? {
            name if name.starts_with('$') => return Err(unknown(name)),
            name => Owner::Named(decode(name)?),
        },
        other => Owner::Named(key(other, "users")?),
    };
    match segments.next()? {
        "profile" if version == "beta" => {}
        other => return Err(unknown(other)),
    }
    let id = match segments.next()? {
        "certifications" => segments.rest.next().map(id).transpose()?,
        other => Some(key(other, "certifications")?),
    };
    match segments.rest.next() {
        None => Ok((owner, id)),
        Some(extra) => Err(unknown(extra)),
    }
}

struct Segments<'a> {
    rest: std::str::Split<'a, char>,
    last: &'a str,
}

impl<'a> Segments<'a> {
    /// The next segment. A path that ends too early is blamed on its last one.
    fn next(&mut self) -> Result<&'a str, ErrorResponse> {
        self.last = self.rest.next().ok_or_else(|| unknown(self.last))?;
        Ok(self.last)
    }
}

fn id(segment: &str) -> Result<String, ErrorResponse> {
    // `$count` and the like are no ids.
    if segment.starts_with('$') { Err(unknown(segment)) } else { decode(segment) }
}

/// The key in OData's form: `collection('key')`, in which a doubled quote stands for one.
fn key(segment: &str, collection: &str) -> Result<String, ErrorResponse> {
    let decoded = decode(segment)?;
    let inner = decoded.strip_prefix(collection).and_then(|rest| rest.strip_prefix("('")?.strip_suffix("')"));
    let parts: Option<Vec<&str>> = inner.map(|inner| inner.split("''").collect());
    match parts {
        Some(parts) if !parts.iter().any(|part| part.contains('\'')) => Ok(parts.join("'")),
        _ => Err(unknown(segment)),
    }
}

fn decode(segment: &str) -> Result<String, ErrorResponse> {
    percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| unknown(segment))
}

fn unknown(segment: &str) -> ErrorResponse {
    ErrorResponse::bad_request(format!("Resource not found for the segment '{segment}'."))
}

/// The decoded path without the query.
pub fn path_of(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Whether a decoded path is that of `$batch`.
pub fn is_batch(path: &str) -> bool {
    ["/beta/$batch", "/v1.0/$batch"].contains(&path)
}

/// Whether an address belongs to the identity side.
pub fn is_identity(path: &str) -> bool {
    let path = path_of(path);
    let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
    !matches!(segments.as_slice(), ["beta" | "v1.0", ..])
        && matches!(
            segments.as_slice(),
            [_, "oauth2", "v2.0", _]
                | [_, "v2.0", ".well-known", "openid-configuration"]
                | [_, "discovery", "v2.0", "keys"]
                | ["common", "discovery", "instance"]
                | [_, "devicelogin"]
                | ["metadata", "identity", "oauth2", "token"]
                | ["msi", "token"]
                | ["_identity", "github"]
        )
}

/// Whether an address is one of the pages that people open to sign in.
pub fn is_sign_in_page(path: &str) -> bool {
    let path = path_of(path);
    let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
    matches!(segments.as_slice(), [_, "oauth2", "v2.0", "authorize"] | [_, "devicelogin"])
}

/// Whether a text fits a pattern in which `*` stands for any text.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
