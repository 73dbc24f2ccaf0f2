//! The answers inside a batch response, found in one pass over its body. Their members stay unread.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The most answers that are looked at, duplicates included: twice the steps of a batch.
const MAX_ANSWERS: usize = 40;
/// The most headers of one answer that are read.
const MAX_HEADERS: usize = 100;

/// The body of a batch response.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) responses: Answers<'a>,
}

pub(super) struct Answers<'a>(pub(super) Vec<Answer<'a>>);

/// The members of an answer; an answer that is not an object has none.
#[derive(Default)]
pub(super) struct Answer<'a> {
    id: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    /// The position of the step that the answer belongs to.
    pub(super) fn position(&self) -> Option<usize> {
        let id = self.id?.get();
        let number: usize = if id.starts_with('"') { text(id)?.parse() } else { id.parse() }.ok()?;
        number.checked_sub(1)
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status?.get().parse().ok()
    }

    /// The headers; none when they are no object.
    pub(super) fn headers(&self) -> Option<Vec<(Cow<'a, str>, Cow<'a, str>)>> {
        let Some(headers) = self.headers else { return Some(Vec::new()) };
        serde_json::from_str::<Option<Headers<'a>>>(headers.get()).ok().map(|headers| headers.unwrap_or_default().0)
    }

    /// The body as JSON, unless it is empty.
    pub(super) fn body(&self) -> Option<&'a str> {
        self.body.map(RawValue::get).filter(|body| !matches!(*body, "null" | "\"\""))
    }
}

/// The text in a JSON text.
fn text(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

impl<'de: 'a, 'a> Deserialize<'de> for Answers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<Answer<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of answers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut answers = Vec::with_capacity(MAX_ANSWERS);
                while answers.len() < MAX_ANSWERS {
                    let Some(answer) = items.next_element()? else { return Ok(answers) };
                    answers.push(answer);
                }
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(answers)
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Answer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnswerVisitor)
    }
}

struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = Answer<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut answer = Answer::default();
        while let Some(Text(name)) = members.next_key()? {
            let member = match &*name {
                "id" => &mut answer.id,
                "status" => &mut answer.status,
                "headers" => &mut answer.headers,
                "body" => &mut answer.body,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *member = Some(members.next_value()?);
        }
        Ok(answer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Answer::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Answer::default())
    }
}

/// The headers of an answer. Numbers are seen where HTTP has text.
#[derive(Default)]
struct Headers<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut headers = Vec::with_capacity(8);
                while let Some((Text(name), value)) = members.next_entry::<Text<'de>, &RawValue>()? {
                    if headers.len() < MAX_HEADERS {
                        headers.push((name, text(value.get()).unwrap_or_else(|| value.get().into())));
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_map(Object).map(Self)
    }
}

/// Text, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl<'de> Visitor<'de> for AnyText {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(text.into())
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.to_owned().into())
            }
        }
        deserializer.deserialize_str(AnyText).map(Self)
    }
}
