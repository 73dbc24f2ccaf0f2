//! Values over the boundary: a bounded copy from Python, and Python objects made by the core's tables.

use personcert::value::{Kind, Record};
use personcert::{Date, Dialect, Error, Naming, PersonCertification};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyDate, PyDateTime, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyModule, PyString, PyTuple, PyType,
};
use serde_json::{Map, Number, Value};

/// How Python spells names and measures time.
pub const DIALECT: Dialect = Dialect { naming: Naming::Snake, time_unit: std::time::Duration::from_secs(1) };

/// How much is copied: no deeper and no more values than this.
#[derive(Clone, Copy)]
pub struct Room {
    depth: usize,
    values: usize,
}

/// The room for a call.
pub const CALL: Room = Room { depth: 32, values: 10_000 };
/// The room for what a test hands its local Graph.
pub const TEST: Room = Room { depth: 120, values: 1_000_000 };

/// Why a value was refused, and where; or what its own code raised.
enum Refusal {
    Input { place: String, why: String },
    Raised(PyErr),
}

impl Refusal {
    fn within(self, outer: &str) -> Self {
        match self {
            Self::Input { place, why } if place.is_empty() || place.starts_with('[') => {
                Self::Input { place: format!("{outer}{place}"), why }
            }
            Self::Input { place, why } => Self::Input { place: format!("{outer}.{place}"), why },
            raised @ Self::Raised(_) => raised,
        }
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Input { place: String::new(), why: why.into() })
}

/// Copies a dict from Python.
pub fn read_dict(dict: &Bound<'_, PyDict>, mut room: Room) -> PyResult<Map<String, Value>> {
    read_members(dict, &mut room).map_err(|refusal| match refusal {
        Refusal::Input { place, why } => raise(dict.py(), &Error::input(place, why)),
        Refusal::Raised(error) => error,
    })
}

fn read_members(dict: &Bound<'_, PyDict>, room: &mut Room) -> Result<Map<String, Value>, Refusal> {
    check_length(dict.len(), room)?;
    let mut members = Map::with_capacity(dict.len());
    // A copy of the items: `to_graph` of one of them may change the dict.
    for item in dict.items() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(name) = name.cast::<PyString>() else {
            return refuse(format!("a member's name must be text, got {}", type_name(&name)));
        };
        let name = read_text(name)?;
        let value = read(&value, room).map_err(|refusal| refusal.within(&name))?;
        members.insert(name, value);
    }
    Ok(members)
}

fn check_length(length: usize, room: &Room) -> Result<(), Refusal> {
    if length > room.values { refuse("too many values") } else { Ok(()) }
}

fn read_text(text: &Bound<'_, PyString>) -> Result<String, Refusal> {
    match text.to_cow() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => refuse("the text holds half a character (a lone surrogate)"),
    }
}

fn read(value: &Bound<'_, PyAny>, room: &mut Room) -> Result<Value, Refusal> {
    if room.values == 0 {
        return refuse("too many values");
    }
    room.values -= 1;
    if value.is_none() {
        Ok(Value::Null)
    } else if let Ok(text) = value.cast::<PyString>() {
        read_text(text).map(Value::String)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        let number = value.extract::<i64>().map(Number::from).or_else(|_| value.extract::<u64>().map(Number::from));
        number.map_or_else(|_| refuse("the whole number is too large"), |number| Ok(Value::Number(number)))
    } else if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        Number::from_f64(number).map_or_else(|| refuse(format!("{number} is not a number JSON has")), |n| Ok(n.into()))
    } else {
        read_compound(value, room)
    }
}

fn read_compound(value: &Bound<'_, PyAny>, room: &mut Room) -> Result<Value, Refusal> {
    if value.is_instance_of::<PyDateTime>() {
        return refuse(
            "a datetime has a time, and this is a calendar date; pass its .date(), after converting it to the zone that is meant",
        );
    }
    if value.is_instance_of::<PyDate>() {
        return Ok(Value::String(value.str()?.to_cow()?.into_owned()));
    }
    if room.depth == 0 {
        return refuse("nested too deeply, or within itself");
    }
    room.depth -= 1;
    let read = if let Ok(dict) = value.cast::<PyDict>() {
        read_members(dict, room).map(Value::Object)
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        check_length(value.len()?, room)?;
        let item =
            |(at, item): (usize, PyResult<_>)| read(&item?, room).map_err(|refusal| refusal.within(&format!("[{at}]")));
        value.try_iter()?.enumerate().map(item).collect::<Result<_, _>>().map(Value::Array)
    } else if let Some(to_graph) = value.getattr_opt("to_graph")?.filter(|_| !value.is_instance_of::<PyType>()) {
        read(&to_graph.call0()?, room)
    } else {
        refuse(format!("a value of type {} can't be sent", type_name(value)))
    };
    room.depth += 1;
    read
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}

/// Makes the Python object of a value of a kind.
pub fn write<'py>(py: Python<'py>, value: &Value, kind: Kind) -> PyResult<Bound<'py, PyAny>> {
    match (value, kind) {
        (Value::Object(object), Kind::Record(record)) => write_record(py, object, record),
        (Value::Array(items), Kind::List(kind)) => {
            let items = items.iter().map(|item| write(py, item, *kind)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyTuple::new(py, items)?.into_any())
        }
        (Value::String(text), Kind::Date) => match text.parse::<Date>().map(Date::parts) {
            Ok((year, month, day)) => {
                Ok(PyDate::new(py, year.into(), month.unsigned_abs(), day.unsigned_abs())?.into_any())
            }
            Err(_) => Ok(PyString::new(py, text).into_any()),
        },
        (Value::String(text), Kind::Name) => {
            static RECORDS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
            let property = PersonCertification::RECORD.find(text, Naming::Camel);
            let name = property.map_or(text.as_str(), |property| property.named(DIALECT));
            python_module(py, &RECORDS, "personcert._record")?.call_method1("Name", (name, text))
        }
        (value, _) => write_plain(py, value),
    }
}

fn write_plain<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            (None, None) => number.as_f64().into_pyobject(py)?.into_any(),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| write_plain(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(object) => write_dict(py, object.iter())?.into_any(),
    })
}

/// Makes a dict of plain values.
pub fn write_dict<'py, 'a>(
    py: Python<'py>,
    members: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in members {
        dict.set_item(name, write_plain(py, value)?)?;
    }
    Ok(dict)
}

/// An instance of the record's class in `personcert._models`, its members set without running its constructor:
/// the class's own defaults stand for the absent ones.
fn write_record<'py>(py: Python<'py>, object: &Map<String, Value>, record: &Record) -> PyResult<Bound<'py, PyAny>> {
    static MODELS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let class = python_module(py, &MODELS, "personcert._models")?.getattr(record.name)?;
    let instance = class.call_method1("__new__", (&class,))?;
    let attributes = instance.getattr("__dict__")?;
    let attributes = attributes.cast::<PyDict>()?;
    let (members, extra) = record.split(object);
    let mut nulls = Vec::new();
    for (property, value) in members {
        let name = PyString::intern(py, property.named(DIALECT));
        if value.is_null() {
            nulls.push(name);
        } else {
            attributes.set_item(name, write(py, value, property.kind)?)?;
        }
    }
    attributes.set_item("extra", write_dict(py, extra)?)?;
    if !nulls.is_empty() {
        attributes.set_item("_nulls", PyFrozenSet::new(py, nulls)?)?;
    }
    Ok(instance)
}

fn python_module<'py>(py: Python<'py>, cell: &PyOnceLock<Py<PyModule>>, name: &str) -> PyResult<Bound<'py, PyModule>> {
    cell.get_or_try_init(py, || PyModule::import(py, name).map(Bound::unbind)).map(|module| module.bind(py).clone())
}

/// The exception for an error of the core.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let exception = || {
        let attributes = error.attributes(DIALECT);
        let errors = python_module(py, &ERRORS, "personcert._errors")?;
        errors.call_method1("from_core", (error.to_string(), write_dict(py, &attributes)?))
    };
    exception().map_or_else(|error| error, PyErr::from_value)
}
