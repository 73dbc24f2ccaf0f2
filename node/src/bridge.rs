//! Values over the boundary: a bounded copy from JavaScript, and JSON text back.

use std::collections::HashMap;
use std::time::Duration;

use napi::bindgen_prelude::{Array, FromNapiValue, Function, JsObjectValue, Object, Unknown};
use napi::{JsNumber, JsString, JsValue, KeyCollectionMode, KeyConversion, KeyFilter, ValueType};
use personcert::Error;
use personcert::host::{ConvertError, CopyLimits, Dialect, Naming};
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

/// How JavaScript spells names and measures time.
pub const DIALECT: Dialect =
    Dialect { naming: Naming::Camel, time_unit: Duration::from_millis(1), flat_members: false };

type Refused = ConvertError<napi::Error>;

/// Copies an object's members. The outer error is an exception of a getter or of `toJSON`, the inner one names an invalid
/// value.
pub fn read_object(object: &Object<'_>, mut limits: CopyLimits) -> napi::Result<Result<Map<String, Value>, Error>> {
    match read_members(object, &mut limits) {
        Ok(members) => Ok(Ok(members)),
        Err(error) => error.into_error(DIALECT).map(Err),
    }
}

fn read_members(object: &Object<'_>, limits: &mut CopyLimits) -> Result<Map<String, Value>, Refused> {
    let names = object.get_all_property_names(
        KeyCollectionMode::OwnOnly,
        KeyFilter::Enumerable,
        KeyConversion::NumbersToStrings,
    )?;
    let count = names.get_array_length()?;
    limits.check(count as usize)?;
    let mut members = Map::with_capacity(count as usize);
    for at in 0..count {
        let key: Unknown = names.get_element(at)?;
        if key.get_type()? == ValueType::Symbol {
            continue;
        }
        let name = read_text(take(&key)?)?;
        let value: Unknown = object.get_property(key)?;
        // An undefined member is an absent one, as everywhere in JavaScript.
        if value.get_type()? != ValueType::Undefined {
            let value = read(value, limits).map_err(|error| error.at(&name))?;
            members.insert(name, value);
        }
    }
    Ok(members)
}

fn read_text(text: JsString<'_>) -> Result<String, Refused> {
    // UTF-16 from JavaScript is invalid only in this way.
    text.into_utf16()?.as_str().or_else(|_| ConvertError::invalid("contains a lone surrogate"))
}

fn read(value: Unknown<'_>, limits: &mut CopyLimits) -> Result<Value, Refused> {
    limits.count()?;
    match value.get_type()? {
        ValueType::Null => Ok(Value::Null),
        ValueType::Boolean => Ok(json!(take::<bool>(&value)?)),
        ValueType::String => read_text(take(&value)?).map(Value::String),
        ValueType::Number => read_number(take::<JsNumber>(&value)?.get_double()?),
        ValueType::Object => read_compound(value, limits),
        ValueType::Undefined => ConvertError::invalid("undefined can't be sent; null clears"),
        other => {
            ConvertError::invalid(format!("a value of type {} can't be sent", format!("{other:?}").to_lowercase()))
        }
    }
}

/// Whole numbers stay whole: JavaScript has one type for both.
fn read_number(number: f64) -> Result<Value, Refused> {
    const SAFE: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && number.abs() <= SAFE {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
        return Ok(json!(number as i64));
    }
    let refuse = || ConvertError::invalid("NaN and infinities can't be sent");
    Number::from_f64(number).map_or_else(refuse, |number| Ok(number.into()))
}

fn read_compound(value: Unknown<'_>, limits: &mut CopyLimits) -> Result<Value, Refused> {
    if value.is_date()? {
        return ConvertError::invalid(
            "a Date is a point in time, and this is a calendar date; use text as YYYY-MM-DD or a Temporal.PlainDate",
        );
    }
    if value.is_promise()? {
        return ConvertError::invalid("a Promise can't be sent; await it first");
    }
    limits.nested(|limits| {
        if value.is_array()? {
            return read_items(&take(&value)?, limits);
        }
        let object: Object = take(&value)?;
        let to_json: Unknown = object.get_named_property("toJSON")?;
        if to_json.get_type()? != ValueType::Function {
            return read_members(&object, limits).map(Value::Object);
        }
        // As JSON.stringify does: a Temporal.PlainDate becomes its text.
        read(take::<Function<'_, (), Unknown>>(&to_json)?.apply(object, ())?, limits)
    })
}

fn read_items(items: &Array<'_>, limits: &mut CopyLimits) -> Result<Value, Refused> {
    limits.check(items.len() as usize)?;
    let item = |at| read(items.get_element(at)?, limits).map_err(|error| error.at(&format!("[{at}]")));
    (0..items.len()).map(item).collect::<Result<_, _>>().map(Value::Array)
}

/// Converts a value to the type that was checked before.
#[allow(unsafe_code, reason = "the checked way is private to napi; the value is of its own environment and live")]
fn take<T: FromNapiValue>(value: &Unknown<'_>) -> napi::Result<T> {
    unsafe { value.cast::<T>() }
}

/// Writes the result of a call as JSON text: `{"value": …}` or `{"error": …}`. JavaScript's own parser reads it, which is as
/// fast as creating the objects one by one, and safe with a member called `__proto__`.
pub fn write(ended: Result<impl Serialize, &Error>) -> String {
    let text = match ended {
        Ok(value) => serde_json::to_string(&HashMap::from([("value", value)])),
        Err(error) => {
            let mut attributes = error.attributes(DIALECT);
            attributes.insert("message".to_owned(), json!(error.to_string()));
            serde_json::to_string(&json!({ "error": attributes }))
        }
    };
    text.unwrap_or_default()
}
