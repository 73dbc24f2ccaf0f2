//! The properties that lists are filtered and ordered by, and how their values compare.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::response::ErrorResponse;

/// How the values of a property compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Without case.
    Text,
    /// By day.
    Date,
    /// By point in time.
    Timestamp,
}

/// A property that `$filter` and `$orderby` can name.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    name: &'static str,
    /// How its values compare.
    pub value_type: ValueType,
}

/// A value in the form in which it is compared; null comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparable {
    /// No value, or one that is not of the property's type.
    Null,
    /// Text in lower case.
    Text(String),
    /// A day.
    Date(Date),
    /// A point in time.
    Timestamp(Timestamp),
}

const COMPARABLE: [Property; 14] = {
    const fn text(name: &'static str) -> Property {
        Property { name, value_type: ValueType::Text }
    }
    const fn date(name: &'static str) -> Property {
        Property { name, value_type: ValueType::Date }
    }
    [
        text("id"),
        text("allowedAudiences"),
        text("certificationId"),
        text("description"),
        text("displayName"),
        date("endDate"),
        date("issuedDate"),
        text("issuingAuthority"),
        text("issuingCompany"),
        date("startDate"),
        text("thumbnailUrl"),
        text("webUrl"),
        CREATED,
        Property { name: "lastModifiedDateTime", value_type: ValueType::Timestamp },
    ]
};

/// What a list is ordered by when the request names nothing.
pub const CREATED: Property = Property { name: "createdDateTime", value_type: ValueType::Timestamp };

impl Property {
    /// The property with this name.
    pub fn find(name: &str) -> Result<Self, ErrorResponse> {
        require_known(name)?;
        COMPARABLE.iter().find(|property| property.name == name).copied().ok_or_else(|| {
            ErrorResponse::bad_request(format!("The property '{name}' can't be used in a filter or an order."))
        })
    }

    /// The property's value in a certification.
    pub fn of(self, document: &Map<String, Value>) -> Comparable {
        let text = document.get(self.name).and_then(Value::as_str);
        text.and_then(|text| self.value_type.read(text)).unwrap_or(Comparable::Null)
    }
}

impl ValueType {
    /// Reads a value of this type.
    pub fn read(self, text: &str) -> Option<Comparable> {
        match self {
            Self::Text => Some(Comparable::Text(text.to_lowercase())),
            Self::Date => date(text).map(Comparable::Date),
            Self::Timestamp => text.parse().ok().map(Comparable::Timestamp),
        }
    }
}

/// Refuses a name that the resource does not have.
pub fn require_known(name: &str) -> Result<(), ErrorResponse> {
    if personcert::schema::PROPERTIES.iter().any(|property| property.name == name) {
        return Ok(());
    }
    let message = format!("Could not find a property named '{name}' on type 'microsoft.graph.personCertification'.");
    Err(ErrorResponse::bad_request(message))
}

/// Reads OData's `Edm.Date` as the service does: four, two and two digits, and a day of the calendar.
pub fn date(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.parse().ok().filter(|date: &Date| date.year() > 0)
}
