//! The rows of a job on disk: grouped by user, reopened without the input, damage found.

use std::io::Cursor;
use std::path::Path;

use personcert::User;
use personcert_bulk::source::{self, Source};
use personcert_bulk::spool::{FILE_NAME, RowStore, Spool};
use personcert_bulk::{BulkOptions, InputRules, Locator};
use tempfile::TempDir;

const TABLE: &str = "user,certificationId,displayName,endDate\n\
    ada@contoso.com,AZ-900,Azure Fundamentals,2028-01-31\n\
    bob@contoso.com,AZ-900,Azure Fundamentals,not a date\n\
    bob@contoso.com,AZ-104,Azure Administrator,\n\
    ADA@contoso.com,AZ-104,Azure Administrator,<clear>\n";

fn source(text: &str) -> Box<dyn Source> {
    source::read(Box::new(Cursor::new(text.to_owned().into_bytes())), &BulkOptions::default()).unwrap()
}

fn spool(folder: &Path, text: &str) -> personcert::Result<Spool> {
    let rules = InputRules::new(&BulkOptions::default(), false);
    Spool::create(folder, source(text).as_mut(), rules, &mut |_| Ok(()))
}

/// Row numbers by user, and the rejects with their columns.
type Content = (Vec<(User, Vec<u64>)>, Vec<(u64, Option<String>)>);

fn content(spool: &mut Spool) -> Content {
    let (mut users, mut rejects) = (Vec::new(), Vec::new());
    while let Some(user) = spool.next_user().unwrap() {
        users.push((user.rows[0].user.clone(), user.rows.iter().map(|row| row.number).collect()));
    }
    while let Some(reject) = spool.next_reject().unwrap() {
        rejects.push((reject.number, reject.column));
    }
    (users, rejects)
}

#[test]
fn rows_are_grouped_by_user_in_the_order_of_their_first_row() {
    let folder = TempDir::new().unwrap();
    let mut spool = spool(folder.path(), TABLE).unwrap();
    assert_eq!((spool.len(), spool.rejected()), (4, 1));
    let named = |name: &str| User::Named(name.into());
    let users = vec![(named("ada@contoso.com"), vec![2, 5]), (named("bob@contoso.com"), vec![4])];
    assert_eq!(content(&mut spool), (users, vec![(3, Some("endDate".into()))]));
}

#[test]
fn a_reopened_job_has_the_same_rows_and_the_same_hash() {
    let folder = TempDir::new().unwrap();
    let mut created = spool(folder.path(), TABLE).unwrap();
    let mut opened = Spool::open(folder.path()).unwrap();
    assert_eq!(opened.input_hash(), created.input_hash());
    assert_eq!(opened.len(), 4);
    assert_eq!(content(&mut opened), content(&mut created));
    let other = TempDir::new().unwrap();
    let same = spool(other.path(), &TABLE.replace(',', ";").replace('\n', "\r\n")).unwrap();
    assert_eq!(same.input_hash(), created.input_hash(), "the content counts, not its form");
    let changed = spool(other.path(), &TABLE.replace("AZ-104", "AZ-105")).unwrap();
    assert_ne!(changed.input_hash(), created.input_hash());
}

#[test]
fn a_row_survives_the_disk() {
    let folder = TempDir::new().unwrap();
    let mut spool = spool(folder.path(), TABLE).unwrap();
    let ada = spool.next_user().unwrap().unwrap();
    assert_eq!(ada.rows[0].locator, Locator::Key(["AZ-900".to_owned()].into()));
    assert_eq!(
        serde_json::to_string(&ada.rows[0].patch).unwrap(),
        r#"{"certificationId":"AZ-900","displayName":"Azure Fundamentals","endDate":"2028-01-31"}"#
    );
    assert_eq!(
        serde_json::to_string(&ada.rows[1].patch).unwrap(),
        r#"{"certificationId":"AZ-104","displayName":"Azure Administrator","endDate":null}"#
    );
}

#[test]
fn records_come_in_the_order_of_the_input_with_their_reject() {
    let folder = TempDir::new().unwrap();
    let spool = spool(folder.path(), TABLE).unwrap();
    let mut records = spool.records().unwrap();
    let mut seen = Vec::new();
    while let Some((record, reject)) = records.next_record().unwrap() {
        seen.push((record.number, record.cells.len(), reject.map(|reject| reject.message)));
    }
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[0], (2, 4, None));
    assert_eq!(seen[1], (3, 4, Some("\"not a date\" is not a date as YYYY-MM-DD".into())));
    assert_eq!(seen[2], (4, 3, None));
}

#[test]
fn damage_anywhere_is_found() {
    let folder = TempDir::new().unwrap();
    drop(spool(folder.path(), TABLE).unwrap());
    let path = folder.path().join(FILE_NAME);
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(5) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        assert!(Spool::open(folder.path()).is_err(), "byte {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(Spool::open(folder.path()).is_err(), "cut at {at}");
    }
}

#[test]
fn nothing_remains_of_a_copy_that_failed() {
    let folder = TempDir::new().unwrap();
    let rules = InputRules::new(&BulkOptions::default(), false);
    let stop =
        Spool::create(folder.path(), source(TABLE).as_mut(), rules, &mut |_| Err(personcert::Error::value("stopped")));
    assert_eq!(stop.err().unwrap().message, "stopped");
    assert!(spool(folder.path(), "user,displayNam\n").is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn the_file_is_private_and_a_link_in_its_place_is_not_followed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE_NAME);
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "kept").unwrap();
    symlink(&elsewhere, &path).unwrap();
    symlink(&elsewhere, folder.path().join("rows.spool.partial")).unwrap();
    drop(spool(folder.path(), TABLE).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!path.is_symlink());
    assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "kept");
}
