//! How the value types are read as properties, and when two of them mean the same.
//!
//! Two comparisons exist, because the service may store a value in another form than it was sent: `is_same` decides whether
//! a property needs to be sent at all, `is_stored_as` whether a change that was sent has arrived.

use serde_json::{Number, Value};

use super::audiences::Audiences;
use super::date::Date;
use super::web_url::WebUrl;
use crate::Result;
use crate::host::Dialect;
use crate::schema::{AsView, FromInput, Input, Kind, PropertyValue, SchemaType, View, text, wrong_type};

impl SchemaType for Date {
    const KIND: Kind = Kind::Date;
}

impl FromInput for Date {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        match input {
            Input::Date(date) => Ok(date),
            other => text(other, Self::KIND)?.parse(),
        }
    }
}

impl PropertyValue for Date {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl AsView for Date {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Date(*self))
    }
}

impl SchemaType for WebUrl {
    const KIND: Kind = Kind::Url;
}

impl FromInput for WebUrl {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        text(input, Self::KIND).map(Self::from)
    }
}

impl PropertyValue for WebUrl {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn check(&self) -> Result<()> {
        self.check_absolute()
    }

    fn is_stored_as(&self, stored: &Self) -> bool {
        self.normalized() == stored.normalized()
    }

    fn is_blank(&self) -> bool {
        self.as_str().trim().is_empty()
    }
}

impl AsView for WebUrl {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Text(self.as_str().into()))
    }
}

impl SchemaType for Audiences {
    const KIND: Kind = Kind::Audiences;
}

impl AsView for Audiences {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Text(self.to_string().into()))
    }
}

impl FromInput for Audiences {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        let names = match input {
            Input::Text(text) => return Ok(Self::named(text)),
            Input::Json(Value::Array(names)) if !names.is_empty() => names,
            other => return Err(wrong_type(other, Self::KIND)),
        };
        let texts: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
        texts.map(|texts| Self::named(&texts.join(","))).ok_or_else(|| wrong_type(input, Self::KIND))
    }
}

impl PropertyValue for Audiences {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self::named(text))
    }

    fn from_number(number: &Number) -> Option<Self> {
        number.as_u64().map(Self::from_flags)
    }

    fn is_same(&self, stored: &Self) -> bool {
        self.is_same_set(stored)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Wire;

    fn read<T: PropertyValue>(value: &Value) -> Wire<T> {
        serde::Deserialize::deserialize(value).unwrap()
    }

    #[test]
    fn audiences_are_read_in_every_form_that_graph_uses() {
        for (wire, text) in [
            (json!("organization"), "organization"),
            (json!("8"), "organization"),
            (json!(8), "organization"),
            (json!("me"), "me"),
            (json!(0), "me"),
            (json!("organization,contacts"), "contacts,organization"),
            (json!("organization, newOne"), "organization,newOne"),
            (json!(72), "72"),
            (json!("newOne,64,organization"), "72,newOne"),
        ] {
            assert_eq!(read(&wire), Wire::Known(Audiences::named(text)), "{wire}");
        }
        assert_eq!(read::<Audiences>(&json!(-1)), Wire::Other(json!(-1)));
        assert_eq!(read::<Audiences>(&json!(["me"])), Wire::Other(json!(["me"])));
    }

    #[test]
    fn dates_are_read_strictly_and_anything_else_is_kept() {
        assert_eq!(read(&json!("2024-02-29")), Wire::Known(Date::new(2024, 2, 29).unwrap()));
        for text in
            ["+024-01-01", "-024-01-01", " 2024-1-01", "2024-01-1 ", "2023-02-29", "0000-01-01", "2024-01-01T00:00:00Z"]
        {
            assert_eq!(read::<Date>(&json!(text)), Wire::Other(json!(text)));
            assert!(Date::from_input(Input::Text(text), Dialect::GRAPH).is_err(), "{text}");
        }
        assert_eq!(read::<Date>(&json!(20_240_101)), Wire::Other(json!(20_240_101)));
        assert_eq!(read::<Date>(&json!(null)), Wire::Null);
    }

    #[test]
    fn a_date_object_is_a_date_and_no_text() {
        let date = Date::new(2030, 7, 6).unwrap();
        assert_eq!(Date::from_input(Input::Date(date), Dialect::GRAPH).unwrap(), date);
        let error = String::from_input(Input::Date(date), Dialect::GRAPH).unwrap_err();
        assert_eq!(error.message, "expected text, got the date 2030-07-06");
    }

    #[test]
    fn audiences_in_another_order_are_the_same() {
        assert!(Audiences::named("newOne,other,me").is_same(&Audiences::named("other,newOne")));
        assert!(!Audiences::named("contacts,newOne").is_same(&Audiences::named("newOne")));
        assert!(!Audiences::named("newOne").is_same(&Audiences::named("newOne,other")));
    }

    #[test]
    fn an_address_is_stored_as_its_normal_form() {
        let stored = |sent: &str, stored: &str| WebUrl::from(sent).is_stored_as(&stored.into());
        for (sent, other) in [
            ("https://example.com", "https://example.com/"),
            ("https://example.com/badge", " https://example.com/badge/ "),
            ("HTTPS://Example.COM:443/badge", "https://example.com/badge"),
        ] {
            assert!(stored(sent, other), "{sent}");
        }
        for (sent, other) in [
            ("https://example.com/badge", "http://example.com/badge"),
            ("https://example.com/badge", "https://example.com/Badge"),
            ("https://example.com/badge?level=1", "https://example.com/badge"),
        ] {
            assert!(!stored(sent, other), "{sent}");
        }
        assert!(!WebUrl::from("https://example.com").is_same(&"https://example.com/".into()), "only what is read back");
    }
}
