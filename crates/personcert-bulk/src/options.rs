//! The options of a bulk run, declared once for every front end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use personcert::host::Dialect;
use personcert::{Error, Result, options, string_enum, string_option};
use serde_json::{Map, Value};

string_enum! {
    /// What happens to a row whose certification does not exist.
    MissingPolicy {
        Create = "create", "Create the certification.";
        Fail = "fail", "Fail the row.";
        Skip = "skip", "Leave the row out; it counts as unchanged.";
    }
}
string_option!(MissingPolicy, "policy for missing certifications");

string_enum! {
    /// What happens to a row of a plan whose certification changed after the plan was made.
    DriftPolicy {
        Fail = "fail", "Fail the row.";
        Skip = "skip", "Leave the certification as it is; the row counts as unchanged.";
        Rebase = "rebase", "Apply the row's values to the certification as it is now.";
    }
}
string_option!(DriftPolicy, "policy for drift");

options! {
    /// The options of a bulk run.
    pub struct BulkOptions as "BulkOptions", "bulk option" {
        key = "key": Vec<String> = vec!["certificationId".to_owned()], "The properties that identify a certification of a user where a row gives no id. All of them must match.";
        missing = "missing": MissingPolicy = MissingPolicy::Create, "What happens to a row whose certification does not exist: `create`, `fail` or `skip`.";
        on_drift = "onDrift": DriftPolicy = DriftPolicy::Fail, "What happens to a row of a plan whose certification changed after the plan was made: `fail`, `skip` or `rebase`.";
        assume_changed = "assumeChanged": bool = false, "Send every row without reading the current values first. Needs rows with ids.";
        user = "user": Option<String> = None, "The user of every row, for an input without a user column: `me`, an object id or a user principal name.";
        user_column = "userColumn": Option<String> = None, "The column that names the user. Default: `user`, `userPrincipalName`, `upn` or `userId`, whichever the input has.";
        id_column = "idColumn": Option<String> = None, "The column that holds Graph's id of the certification. Default: `id`, if the input has it.";
        map = "map": BTreeMap<String, String> = BTreeMap::new(), "The input's column for a property: an object from the property's name to the column's name.";
        ignore_extra_columns = "ignoreExtraColumns": bool = false, "Accept columns that are not bound to a property. Result files keep them.";
        clear_marker = "clearMarker": String = "<clear>".to_owned(), "The cell text that clears a property. An empty cell keeps it.";
        date_format = "dateFormat": Option<String> = None, "The format of dates in the input, in strftime notation such as `%m/%d/%Y`. Default: `%Y-%m-%d`.";
        encoding = "encoding": Option<String> = None, "The encoding of a CSV file: `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`. Default: UTF-8, or UTF-16 where the file shows it.";
        delimiter = "delimiter": Option<String> = None, "The character between the cells of a CSV file. Default: detected from the header.";
        job_dir = "jobDir": Option<PathBuf> = None, "The folder of the job: journal, result files, report. Default: beside the input.";
        max_errors = "maxErrors": Option<u64> = None, "Stop after this many failed rows. Default: no limit.";
        steps_per_user = "stepsPerUser": u32 = 4, "The most steps of one user in one batch, 1 to 20.";
        row_attempts = "rowAttempts": u32 = 8, "The most times a change is sent for one row, 1 to 100.";
        dry_run = "dryRun": bool = false, "Plan only: read the current values and report what would change.";
    }
}

impl BulkOptions {
    /// Reads a caller's options; unknown names and wrong values are errors. Null means the default.
    pub fn read(options: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        let options = Self::from_members(options, dialect)?;
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<()> {
        if self.key.is_empty() {
            return Err(Error::input("key", "must name at least one property"));
        }
        if !(1..=20).contains(&self.steps_per_user) {
            return Err(Error::input("stepsPerUser", "must be from 1 to 20"));
        }
        if !(1..=100).contains(&self.row_attempts) {
            return Err(Error::input("rowAttempts", "must be from 1 to 100"));
        }
        Ok(())
    }
}
