//! Values across the boundary: a bounded copy from Python, and Python objects made from the core's tables.

use std::sync::Arc;

use personcert::host::{ConvertError, CopyLimits, Dialect, Naming, Output};
use personcert::schema::{Record, RecordView, View};
use personcert::{Error, PersonCertification, UpdateResult};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyDate, PyDateTime, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyModule, PyString, PyTuple, PyType,
};
use serde_json::{Map, Number, Value};

/// Python's names are in snake case, its times in seconds, and a certification's members keyword arguments.
pub const DIALECT: Dialect =
    Dialect { naming: Naming::Snake, time_unit: std::time::Duration::from_secs(1), flat_members: true };

type Refused = ConvertError<PyErr>;

/// Copies a dict from Python.
pub fn read_dict(dict: &Bound<'_, PyDict>, mut limits: CopyLimits) -> PyResult<Map<String, Value>> {
    read_members(dict, &mut limits).map_err(|error| match error.into_error(DIALECT) {
        Ok(error) => raise(dict.py(), &error),
        Err(error) => error,
    })
}

fn read_members(dict: &Bound<'_, PyDict>, limits: &mut CopyLimits) -> Result<Map<String, Value>, Refused> {
    limits.check(dict.len())?;
    let mut members = Map::with_capacity(dict.len());
    // A copy of the items: `to_graph` of one of them may change the dict.
    for item in dict.items() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(name) = name.cast::<PyString>() else {
            return ConvertError::invalid(format!("a member's name must be text, got {}", type_name(&name)));
        };
        let name = read_text(name)?;
        let value = read(&value, limits).map_err(|error| error.at(&name))?;
        members.insert(name, value);
    }
    Ok(members)
}

fn read_text(text: &Bound<'_, PyString>) -> Result<String, Refused> {
    match text.to_cow() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => ConvertError::invalid("contains a lone surrogate"),
    }
}

fn read(value: &Bound<'_, PyAny>, limits: &mut CopyLimits) -> Result<Value, Refused> {
    limits.count()?;
    if value.is_none() {
        Ok(Value::Null)
    } else if let Ok(text) = value.cast::<PyString>() {
        read_text(text).map(Value::String)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        let number = value.extract::<i64>().map(Number::from).or_else(|_| value.extract::<u64>().map(Number::from));
        number.map_or_else(|_| ConvertError::invalid("the integer exceeds 64 bits"), |number| Ok(Value::Number(number)))
    } else if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        let refuse = || ConvertError::invalid("NaN and infinities can't be sent");
        Number::from_f64(number).map_or_else(refuse, |number| Ok(number.into()))
    } else if value.is_instance_of::<PyDateTime>() {
        ConvertError::invalid(
            "a datetime has a time of day, and this is a calendar date; convert it to the intended time zone and pass its .date()",
        )
    } else if value.is_instance_of::<PyDate>() {
        Ok(Value::String(value.str()?.to_cow()?.into_owned()))
    } else {
        limits.nested(|limits| read_compound(value, limits))
    }
}

fn read_compound(value: &Bound<'_, PyAny>, limits: &mut CopyLimits) -> Result<Value, Refused> {
    if let Ok(dict) = value.cast::<PyDict>() {
        read_members(dict, limits).map(Value::Object)
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        limits.check(value.len()?)?;
        let item =
            |(at, item): (usize, PyResult<_>)| read(&item?, limits).map_err(|error| error.at(&format!("[{at}]")));
        value.try_iter()?.enumerate().map(item).collect::<Result<_, _>>().map(Value::Array)
    } else if let Some(to_graph) = value.getattr_opt("to_graph")?.filter(|_| !value.is_instance_of::<PyType>()) {
        read(&to_graph.call0()?, limits)
    } else {
        ConvertError::invalid(format!("a value of type {} can't be sent", type_name(value)))
    }
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}

/// Makes the Python object of a value in `root`. `path` leads to it: the index of a member, or of an item of a list, a step.
fn write<'py>(
    py: Python<'py>,
    view: View<'_>,
    root: &Arc<dyn RecordView>,
    path: &mut Vec<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match view {
        View::Text(text) => PyString::new(py, &text).into_any(),
        View::Bool(flag) => PyBool::new(py, flag).to_owned().into_any(),
        View::Integer(number) => number.into_pyobject(py)?.into_any(),
        View::Number(number) => number.into_pyobject(py)?.into_any(),
        View::Date(date) => {
            let (year, month, day) = date.parts();
            PyDate::new(py, year.into(), month.unsigned_abs(), day.unsigned_abs())?.into_any()
        }
        View::Name(name) => {
            let property = PersonCertification::RECORD.find(name, Naming::Camel);
            let spelt = property.map_or(name, |property| property.named(DIALECT));
            modules(py)?.property_name.bind(py).call1((spelt, name))?
        }
        View::Json(value) => write_plain(py, value)?,
        View::Record(record) => {
            write_record(py, record.record(), LazyRecord { root: Arc::clone(root), path: path.clone() })?
        }
        View::List(items) => {
            let mut objects = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                path.push(at);
                objects.push(write(py, item, root, path)?);
                path.pop();
            }
            PyTuple::new(py, objects)?.into_any()
        }
    })
}

/// Makes the Python object of plain JSON.
pub fn write_plain<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
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

/// Makes the Python object of an output.
pub fn write_output(py: Python<'_>, output: Output) -> PyResult<Bound<'_, PyAny>> {
    match output {
        Output::Update(updated) => write_root(py, Arc::<UpdateResult>::from(updated)),
        Output::Certification(read) => write_root(py, Arc::<PersonCertification>::from(read)),
        Output::Findings(findings) => {
            let findings = findings.into_iter().map(|finding| write_root(py, Arc::new(finding)));
            Ok(PyTuple::new(py, findings.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
        _ => Ok(py.None().into_bound(py)),
    }
}

/// Makes the Python object of a record.
pub fn write_root(py: Python<'_>, root: Arc<dyn RecordView>) -> PyResult<Bound<'_, PyAny>> {
    write_record(py, root.record(), LazyRecord { root, path: Vec::new() })
}

/// An instance of the record's class in `personcert._models`, made without running its constructor. Its attributes are
/// made on first access: making all of them costs more than the call, and programs read few.
fn write_record<'py>(py: Python<'py>, record: &'static Record, lazy: LazyRecord) -> PyResult<Bound<'py, PyAny>> {
    let modules = modules(py)?;
    let class = modules.models.bind(py).getattr(record.name)?;
    let instance = modules.new_object.bind(py).call1((class,))?;
    let attributes = instance.getattr(modules.dict_name.bind(py))?;
    attributes.cast::<PyDict>()?.set_item(modules.lazy_name.bind(py), Bound::new(py, lazy)?)?;
    Ok(instance)
}

/// The members of a record, each made on first access. Records within records share the outermost one.
#[pyclass(frozen, module = "personcert._native")]
pub struct LazyRecord {
    root: Arc<dyn RecordView>,
    path: Vec<usize>,
}

#[pymethods]
impl LazyRecord {
    /// The value of an attribute of the record.
    fn attribute<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let missing = || PyAttributeError::new_err(name.to_owned());
        let record = self.record().ok_or_else(missing)?;
        match name {
            "extra" => Ok(write_dict(py, record.extra().into_iter().flatten())?.into_any()),
            "_nulls" => {
                let names = record.nulls().iter().map(|at| record.record().properties[at].named(DIALECT));
                Ok(PyFrozenSet::new(py, names)?.into_any())
            }
            _ => {
                let index = record.record().position(name, Naming::Snake).ok_or_else(missing)?;
                let Some(view) = record.member(index) else { return Ok(py.None().into_bound(py)) };
                let mut path = self.path.clone();
                path.push(index);
                write(py, view, &self.root, &mut path)
            }
        }
    }
}

impl LazyRecord {
    /// The record at the end of the path.
    fn record(&self) -> Option<&dyn RecordView> {
        let mut record = &*self.root;
        let mut path = self.path.iter();
        while let Some(index) = path.next() {
            let mut view = record.member(*index)?;
            while let View::List(items) = view {
                view = items.into_iter().nth(*path.next()?)?;
            }
            let View::Record(inner) = view else { return None };
            record = inner;
        }
        Some(record)
    }
}

/// What results and errors are made with.
pub struct Modules {
    models: Py<PyModule>,
    property_name: Py<PyAny>,
    from_core: Py<PyAny>,
    new_object: Py<PyAny>,
    dict_name: Py<PyString>,
    lazy_name: Py<PyString>,
}

/// Imports what results and errors are made with.
///
/// The first client does it, not the first result: a child forked during an import would wait for a thread that it does
/// not have. For the same reason no Python code runs while the cell is locked.
pub fn modules(py: Python<'_>) -> PyResult<&'static Modules> {
    static MODULES: PyOnceLock<Modules> = PyOnceLock::new();
    if let Some(modules) = MODULES.get(py) {
        return Ok(modules);
    }
    let modules = Modules {
        models: py.import("personcert._models")?.unbind(),
        property_name: py.import("personcert._record")?.getattr("PropertyName")?.unbind(),
        from_core: py.import("personcert._errors")?.getattr("from_core")?.unbind(),
        new_object: py.get_type::<PyAny>().getattr("__new__")?.unbind(),
        dict_name: PyString::intern(py, "__dict__").unbind(),
        lazy_name: PyString::intern(py, "_lazy").unbind(),
    };
    // Another thread may have been faster.
    drop(MODULES.set(py, modules));
    MODULES.get(py).ok_or_else(|| PyRuntimeError::new_err("the modules of the package can't be set"))
}

/// The exception for an error of the core.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let exception = || {
        let attributes = error.attributes(DIALECT);
        modules(py)?.from_core.bind(py).call1((error.to_string(), write_dict(py, &attributes)?))
    };
    exception().map_or_else(|error| error, PyErr::from_value)
}
