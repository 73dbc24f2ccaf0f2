//! The rules by which an input is read: the part of the options that a job stores with its rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::options::BulkOptions;

/// The rules by which an input is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InputRules {
    /// The properties that identify a certification where a row gives no id.
    pub key: Vec<String>,
    /// The user of every row, for an input without a user column.
    pub user: Option<String>,
    /// The column that names the user.
    pub user_column: Option<String>,
    /// The column that holds Graph's id of the certification.
    pub id_column: Option<String>,
    /// The input's column for a property.
    pub map: BTreeMap<String, String>,
    /// Whether columns that are not bound to a property are accepted.
    pub ignore_extra_columns: bool,
    /// The cell text that clears a property.
    pub clear_marker: String,
    /// The format of dates, in strftime notation.
    pub date_format: Option<String>,
    /// Whether audiences that Graph doesn't document are sent: a setting of the client.
    pub unknown_audiences: bool,
}

impl InputRules {
    /// The rules that the options of a run contain.
    pub fn new(options: &BulkOptions, unknown_audiences: bool) -> Self {
        Self {
            key: options.key.clone(),
            user: options.user.clone(),
            user_column: options.user_column.clone(),
            id_column: options.id_column.clone(),
            map: options.map.clone(),
            ignore_extra_columns: options.ignore_extra_columns,
            clear_marker: options.clear_marker.clone(),
            date_format: options.date_format.clone(),
            unknown_audiences,
        }
    }
}
