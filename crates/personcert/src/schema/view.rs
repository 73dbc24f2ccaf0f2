//! Values as other languages see them: borrowed, so that only what is looked at is copied.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::record::{PropertySet, Record};
use crate::value::Date;

/// A value.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// The name of a property, as Graph writes it.
    Name(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(u64),
    /// A number.
    Number(f64),
    /// A calendar date.
    Date(Date),
    /// A list.
    List(Vec<View<'a>>),
    /// An object of the tables.
    Record(&'a dyn RecordView),
    /// Any JSON.
    Json(&'a Value),
}

/// An object of the tables, member by member.
pub trait RecordView: fmt::Debug + Send + Sync {
    /// Its description.
    fn record(&self) -> &'static Record;

    /// The value of the member with this index in the table; none where it is absent or null.
    fn member(&self, index: usize) -> Option<View<'_>>;

    /// The members that the table lacks, and those that can't be read; none where there can't be any.
    fn extra(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// The members that are null, and not absent.
    fn nulls(&self) -> PropertySet {
        let mut nulls = PropertySet::default();
        for index in 0..self.record().properties.len() {
            if matches!(self.member(index), Some(View::Json(Value::Null))) {
                nulls.insert(index);
            }
        }
        nulls
    }
}

/// A type of a member.
pub trait AsView {
    /// The value; none where it is absent.
    fn as_view(&self) -> Option<View<'_>>;
}

impl AsView for String {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Text(self.as_str().into()))
    }
}

impl AsView for bool {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Bool(*self))
    }
}

impl AsView for u32 {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Integer((*self).into()))
    }
}

impl AsView for f64 {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Number(*self))
    }
}

impl AsView for Value {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Json(self))
    }
}

impl<T: AsView> AsView for Box<T> {
    fn as_view(&self) -> Option<View<'_>> {
        T::as_view(self)
    }
}

impl<T: AsView> AsView for Option<T> {
    fn as_view(&self) -> Option<View<'_>> {
        self.as_ref().and_then(T::as_view)
    }
}

impl<T: AsView> AsView for Vec<T> {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::List(self.iter().filter_map(T::as_view).collect()))
    }
}
