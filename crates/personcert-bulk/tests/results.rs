//! The result files: each row once, readable again, nothing in them that a spreadsheet or a browser would run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use personcert::ErrorKind;
use personcert_bulk::results::{RESULT_FILES, RunEnd, RunSummary, TimelinePoint, write_results};
use personcert_bulk::source::{self, Source, Values};
use personcert_bulk::spool::{RowStore, Spool};
use personcert_bulk::{BulkOptions, Counts, InputRules, Row, RowError, RowOutcome, RowStatus};
use serde_json::{Value, json};
use tempfile::TempDir;

fn read(bytes: Vec<u8>) -> Box<dyn Source> {
    source::read(Box::new(Cursor::new(bytes)), &BulkOptions::default()).unwrap()
}

fn spool(folder: &Path, source: &mut dyn Source, options: &BulkOptions) -> Spool {
    Spool::create(folder, source, InputRules::new(options, false), &mut |_| Ok(())).unwrap()
}

fn summary() -> RunSummary {
    let point = |second: u32| TimelinePoint {
        seconds: second.into(),
        rows_per_second: f64::from(second % 7) * 10.0,
        throttled_per_second: f64::from(second % 3),
    };
    RunSummary {
        job: "20261124-1".into(),
        command: "apply".into(),
        account: Some("admin@contoso.com".into()),
        service: "https://graph.microsoft.com/beta".into(),
        input: "certs.csv".into(),
        input_hash: "00".repeat(32),
        started: "2026-11-24T08:00:00Z".into(),
        seconds: 61.5,
        end: RunEnd::Stopped,
        reason: Some("100 rows failed".into()),
        resume: Some("personcert job resume 20261124-1".into()),
        requests: 12,
        throttled: 3,
        timeline: (0..600).map(point).collect(),
    }
}

fn outcome(row: u64, status: RowStatus) -> RowOutcome {
    let id = matches!(status, RowStatus::Created | RowStatus::Updated).then(|| format!("id-{row}"));
    let error = matches!(status, RowStatus::Failed | RowStatus::Unknown).then(|| {
        Box::new(RowError {
            kind: ErrorKind::Service,
            message: "the service failed; try again".into(),
            column: None,
            code: Some("generalException".into()),
            status: Some(500),
            retryable: true,
            request_id: Some("request-1".into()),
            client_request_id: Some("client-1".into()),
        })
    });
    RowOutcome { row, status, id, attempts: 1, error }
}

/// The rows of a result file, each by column.
fn table(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(folder.join(name)).unwrap().deserialize().map(Result::unwrap).collect()
}

fn rows(spool: &mut Spool) -> Vec<Row> {
    let mut rows = Vec::new();
    while let Some(user) = spool.next_user().unwrap() {
        rows.extend(user.rows);
    }
    rows.sort_by_key(|row| row.number);
    rows
}

/// Text of every kind that breaks a table, a page or a terminal.
const NASTY: [&str; 14] = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''=1",
    "'quoted'",
    "a,b;c\td|e",
    "say \"hi\"",
    " \"x\" ",
    "line\nbreak\r\nand more",
    "<script>alert('x')</script>\u{202e}&amp;",
];

#[test]
fn each_row_is_in_exactly_one_file_with_its_columns_and_its_error() {
    let folder = TempDir::new().unwrap();
    let mut text = "user,certificationId,Team,displayName\n".to_owned();
    for row in 0..8 {
        writeln!(text, "u{row}@contoso.com,AZ-{row},Sales,Title {row}").unwrap();
    }
    text.push_str("x@contoso.com,,Sales,No key\n");
    let options = BulkOptions { ignore_extra_columns: true, ..BulkOptions::default() };
    let spool = spool(folder.path(), read(text.into_bytes()).as_mut(), &options);
    let statuses =
        [RowStatus::Created, RowStatus::Updated, RowStatus::Unchanged, RowStatus::Failed, RowStatus::Unknown];
    let outcomes = statuses.iter().zip(2..).map(|(status, row)| Ok(outcome(row, *status)));
    let counts = write_results(folder.path(), &spool, outcomes, &summary()).unwrap();
    let wanted = Counts { rows: 9, created: 1, updated: 1, unchanged: 1, failed: 2, unknown: 1, ..Counts::default() };
    assert_eq!((counts, counts.not_attempted()), (wanted, 3));

    let files =
        [RESULT_FILES.done, RESULT_FILES.failed, RESULT_FILES.not_attempted].map(|name| table(folder.path(), name));
    assert_eq!(files.each_ref().map(Vec::len), [3, 3, 3]);
    let mut numbers: Vec<u64> = files.iter().flatten().map(|row| row["personcert.row"].parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=10).collect::<Vec<_>>());
    assert!(files.iter().flatten().all(|row| row["Team"] == "Sales"), "columns that are not bound are kept");
    assert_eq!((files[0][0]["personcert.status"].as_str(), files[0][0]["personcert.id"].as_str()), ("created", "id-2"));
    assert_eq!(files[1][0]["personcert.requestId"], "request-1");
    assert_eq!(files[1][1]["personcert.status"], "unknown");
    let invalid = &files[1][2];
    assert_eq!(invalid["personcert.column"], "certificationId");
    assert!(invalid["personcert.reason"].starts_with("is empty, and `certificationId` identifies"), "{invalid:?}");
    assert_eq!(invalid["personcert.retryable"], "false");
}

#[test]
fn a_failed_file_is_an_input_with_the_same_rows() {
    let folder = TempDir::new().unwrap();
    let (sender, mut values) = Values::channel();
    let row = |(number, text): (usize, &&str)| {
        let Value::Object(row) = json!({
            "user": format!("u{number}@contoso.com"), "certificationId": format!("AZ-{number}"),
            "displayName": text, "description": null, "allowedAudiences": ["contacts", "organization"],
            "inference": {"confidenceScore": 0.5}, "endDate": "2030-01-31",
        }) else {
            unreachable!()
        };
        row
    };
    sender.send(NASTY.iter().enumerate().map(row).collect());
    sender.finish();
    let options = BulkOptions::default();
    let mut first = spool(folder.path(), &mut values, &options);
    assert_eq!(first.rejected(), 0);
    let failed = (1..=NASTY.len() as u64).map(|row| Ok(outcome(row, RowStatus::Failed)));
    write_results(folder.path(), &first, failed, &summary()).unwrap();

    let again = TempDir::new().unwrap();
    let mut source = source::open(&folder.path().join(RESULT_FILES.failed), &options).unwrap();
    let mut second = spool(again.path(), source.as_mut(), &options);
    assert_eq!(second.rejected(), 0);
    for (one, other) in rows(&mut first).iter().zip(rows(&mut second)) {
        assert_eq!((&one.user, &one.locator, &one.patch), (&other.user, &other.locator, &other.patch));
        assert_eq!(one.number + 1, other.number, "the header is row 1");
    }
    // A result of the second run has the columns of the first only once.
    write_results(again.path(), &second, [], &summary()).unwrap();
    let header = std::fs::read_to_string(again.path().join(RESULT_FILES.not_attempted)).unwrap();
    let header = header.lines().next().unwrap();
    assert_eq!(
        header,
        "user,certificationId,displayName,description,allowedAudiences,inference,endDate,personcert.row"
    );
}

#[test]
fn a_row_that_could_not_be_read_fails_again_until_it_is_corrected() {
    let folder = TempDir::new().unwrap();
    let text = b"user,certificationId,displayName\na@contoso.com,1,caf\xe9\nb@contoso.com,2,x,extra\nc@contoso.com,3\n";
    let options = BulkOptions::default();
    let first = spool(folder.path(), read(text.to_vec()).as_mut(), &options);
    assert_eq!(first.rejected(), 3);
    write_results(folder.path(), &first, [], &summary()).unwrap();
    let failed = std::fs::read_to_string(folder.path().join(RESULT_FILES.failed)).unwrap();
    let again = TempDir::new().unwrap();
    assert_eq!(spool(again.path(), read(failed.into_bytes()).as_mut(), &options).rejected(), 3);
}

#[test]
fn no_cell_starts_like_a_formula_and_no_markup_reaches_the_page() {
    let folder = TempDir::new().unwrap();
    let mut text = "user,certificationId,displayName\n".to_owned();
    for (row, nasty) in NASTY.iter().enumerate() {
        writeln!(text, "u{row}@contoso.com,AZ-{row},\"{}\"", nasty.replace('"', "\"\"")).unwrap();
    }
    let spool = spool(folder.path(), read(text.into_bytes()).as_mut(), &BulkOptions::default());
    let done = (2..16).map(|row| Ok(outcome(row, RowStatus::Updated)));
    let summary = RunSummary { input: "<img src=x onerror=alert(1)>.csv".into(), ..summary() };
    assert_eq!(write_results(folder.path(), &spool, done, &summary).unwrap().updated, 14);
    for row in table(folder.path(), RESULT_FILES.done) {
        for cell in row.values() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
        }
    }
    let page = std::fs::read_to_string(folder.path().join(RESULT_FILES.report_html)).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;") && page.contains("<polyline"));
    assert!(!page.contains("<link") && !page.contains("url(") && !page.contains("http://"), "the page loads nothing");
}

#[test]
fn the_page_stays_small_and_groups_the_failures_of_many_rows() {
    let folder = TempDir::new().unwrap();
    let mut text = "user,certificationId,endDate\n".to_owned();
    for row in 0..20_000 {
        writeln!(text, "u{row}@contoso.com,AZ-{row},{row}/1").unwrap();
    }
    let spool = spool(folder.path(), read(text.into_bytes()).as_mut(), &BulkOptions::default());
    let counts = write_results(folder.path(), &spool, [], &summary()).unwrap();
    assert_eq!((counts.rows, counts.failed), (20_000, 20_000));
    let report: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join(RESULT_FILES.report_json)).unwrap()).unwrap();
    assert_eq!(report["failures"].as_array().unwrap().len(), 1);
    assert_eq!(report["failures"][0]["rows"], 20_000);
    assert_eq!(report["failures"][0]["examples"], json!([2, 3, 4, 5, 6]));
    assert!(std::fs::metadata(folder.path().join(RESULT_FILES.report_html)).unwrap().len() < 200_000);
}

#[test]
fn a_deletion_that_belongs_to_no_row_is_reported() {
    let folder = TempDir::new().unwrap();
    let text = b"user,certificationId\na@contoso.com,1\n".to_vec();
    let spool = spool(folder.path(), read(text).as_mut(), &BulkOptions::default());
    let deleted = RowOutcome { id: Some("old".into()), ..outcome(0, RowStatus::Deleted) };
    let counts =
        write_results(folder.path(), &spool, [Ok(deleted), Ok(outcome(2, RowStatus::Created))], &summary()).unwrap();
    assert_eq!((counts.rows, counts.deleted, counts.created), (2, 1, 1));
    let done = table(folder.path(), RESULT_FILES.done);
    assert_eq!((done[0]["personcert.status"].as_str(), done[0]["personcert.id"].as_str()), ("deleted", "old"));
}

#[test]
fn an_outcome_that_can_not_be_read_leaves_no_half_written_file() {
    let folder = TempDir::new().unwrap();
    let text = b"user,certificationId\na@contoso.com,1\n".to_vec();
    let spool = spool(folder.path(), read(text).as_mut(), &BulkOptions::default());
    let damaged = [Err(personcert::Error::value("the journal is damaged"))];
    assert!(write_results(folder.path(), &spool, damaged, &summary()).is_err());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["rows.spool"]);
}

/// Checks a value against the parts of JSON Schema that `report.schema.json` uses.
fn check_schema(schema: &Value, value: &Value, path: &str) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allows = |name: &Value| *name == kind || (*name == "number" && kind == "integer");
    match &schema["type"] {
        Value::Null => {}
        Value::Array(kinds) => assert!(kinds.iter().any(allows), "{path} is {kind}"),
        name => assert!(allows(name), "{path} is {kind}"),
    }
    assert!(schema["enum"].as_array().is_none_or(|choices| choices.contains(value)), "{path}");
    assert!(schema.get("const").is_none_or(|wanted| wanted == value), "{path}");
    for item in value.as_array().into_iter().flatten() {
        check_schema(&schema["items"], item, &format!("{path}[]"));
    }
    let Some(members) = value.as_object() else { return };
    for (name, member) in members {
        let known = schema["properties"].get(name).unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
        check_schema(known, member, &format!("{path}.{name}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(required.as_str().unwrap()), "{path} lacks {required}");
    }
}

#[test]
fn the_report_has_the_form_of_its_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let folder = TempDir::new().unwrap();
    let text = b"user,certificationId\na@contoso.com,1\nb@contoso.com,\n".to_vec();
    let spool = spool(folder.path(), read(text).as_mut(), &BulkOptions::default());
    write_results(folder.path(), &spool, [Ok(outcome(2, RowStatus::Unknown))], &summary()).unwrap();
    let report = std::fs::read(folder.path().join(RESULT_FILES.report_json)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    check_schema(&schema, &report, "report");
    assert_eq!(report["failures"].as_array().unwrap().len(), 2);
}

#[test]
fn the_sample_has_1000_rows_and_50_of_them_are_bad() {
    let folder = TempDir::new().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample.csv");
    let options = BulkOptions::default();
    let mut source = source::open(&sample, &options).unwrap();
    let spool = spool(folder.path(), source.as_mut(), &options);
    assert_eq!((spool.len(), spool.rejected()), (1000, 50));
}

#[test]
fn an_export_applies_as_no_change() {
    use personcert::PersonCertification;
    use personcert_bulk::export::Exporter;

    let certifications: Vec<PersonCertification> = NASTY
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let certification = json!({
                "id": format!("-id-{number}"), "displayName": text, "certificationId": text, "description": null,
                "endDate": "2030-01-31", "allowedAudiences": "contacts,organization", "webUrl": "www.contoso.com",
                "inference": {"confidenceScore": 0.5, "userHasVerifiedAccuracy": true},
                "thumbnailUrl": "https://contoso.com/a.png", "createdDateTime": "2026-01-01T00:00:00Z",
            });
            serde_json::from_value(certification).unwrap()
        })
        .collect();
    let (mut table, mut lines) = (Vec::new(), Vec::new());
    let mut exporters = [Exporter::csv(&mut table).unwrap(), Exporter::json_lines(&mut lines)];
    for certification in &certifications {
        for exporter in &mut exporters {
            assert!(exporter.write("a@contoso.com", certification).unwrap());
            assert!(!exporter.write("a@contoso.com", &PersonCertification::default()).unwrap(), "it has no id");
        }
    }
    for export in [table, lines] {
        let folder = TempDir::new().unwrap();
        let mut spool = spool(folder.path(), read(export).as_mut(), &BulkOptions::default());
        assert_eq!((spool.len(), spool.rejected()), (14, 0));
        for (row, certification) in rows(&mut spool).iter().zip(&certifications) {
            assert_eq!(row.locator, personcert_bulk::Locator::Id(certification.id.clone().unwrap()));
            assert!(row.patch.difference(certification).is_empty(), "{:?}", row.patch);
            assert_eq!(row.patch.names().len(), 6, "the address that can't be sent and null are left out");
        }
    }
}
