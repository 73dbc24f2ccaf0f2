//! Inputs that break readers: each gives the right rows, or an error that names the row and the column.

use std::io::{Cursor, Read};
use std::path::Path;

use personcert::{Result, User};
use personcert_bulk::source::{self, Source};
use personcert_bulk::spool::{RowStore, Spool};
use personcert_bulk::{BulkOptions, InputRules, Row};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const HEADER: &str = "user,certificationId,displayName\n";

/// What became of an input: its rows, its rejects as `row, column: message`, or the error that ends the run.
#[derive(Debug)]
struct Outcome {
    rows: Vec<Row>,
    rejects: Vec<String>,
}

fn options(members: &Value) -> BulkOptions {
    let members: &Map<String, Value> = members.as_object().unwrap();
    BulkOptions::read(members, personcert::host::Dialect::GRAPH).unwrap()
}

fn read_source(source: &mut dyn Source, options: &BulkOptions) -> Result<Outcome> {
    let folder = TempDir::new().unwrap();
    let mut spool = Spool::create(folder.path(), source, InputRules::new(options, false), &mut |_| Ok(()))?;
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    while let Some(user) = spool.next_user()? {
        rows.extend(user.rows);
    }
    while let Some(reject) = spool.next_reject()? {
        let column = reject.column.as_deref().unwrap_or("-");
        rejects.push(format!("row {}, {column}: {}", reject.number, reject.message));
    }
    rows.sort_by_key(|row| row.number);
    assert_eq!(spool.len(), (rows.len() + rejects.len()) as u64, "each row is a row or a reject");
    Ok(Outcome { rows, rejects })
}

fn try_read(bytes: impl Into<Vec<u8>>, members: &Value) -> Result<Outcome> {
    let options = options(members);
    let mut source = source::read(Box::new(Cursor::new(bytes.into())), &options)?;
    read_source(source.as_mut(), &options)
}

fn read(bytes: impl Into<Vec<u8>>) -> Outcome {
    try_read(bytes, &json!({})).unwrap()
}

/// The titles of the rows, after checking that none was rejected.
fn titles(outcome: &Outcome) -> Vec<String> {
    assert_eq!(outcome.rejects, Vec::<String>::new());
    let title = |row: &Row| serde_json::to_value(&row.patch).unwrap()["displayName"].as_str().unwrap().to_owned();
    outcome.rows.iter().map(title).collect()
}

fn titles_of(bytes: impl Into<Vec<u8>>) -> Vec<String> {
    titles(&read(bytes))
}

fn error(bytes: impl Into<Vec<u8>>) -> String {
    try_read(bytes, &json!({})).unwrap_err().message
}

fn rejects(bytes: impl Into<Vec<u8>>) -> Vec<String> {
    read(bytes).rejects
}

fn table(rows: &str) -> String {
    format!("{HEADER}{rows}")
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

macro_rules! cases {
    ($($name:ident: $got:expr => $wanted:expr;)+) => { $(
        #[test]
        fn $name() {
            assert_eq!($got, $wanted);
        }
    )+ };
}

// Files with the right result.
cases! {
    a_quoted_cell_holds_delimiters_and_quotes:
        titles_of(table("a@x,1,\"a, \"\"b\"\"; c\"\n")) => ["a, \"b\"; c"];
    a_quoted_cell_holds_line_ends: titles_of(table("a@x,1,\"a\nb\r\nc\"\nb@x,2,d\n")) => ["a\nb\r\nc", "d"];
    a_quote_inside_an_unquoted_cell_is_text: titles_of(table("a@x,1,a 5\" disk\n")) => ["a 5\" disk"];
    rows_end_with_crlf: titles_of(table("a@x,1,a\nb@x,2,b\n").replace('\n', "\r\n")) => ["a", "b"];
    rows_end_with_cr_only: titles_of(table("a@x,1,a\nb@x,2,b\n").replace('\n', "\r")) => ["a", "b"];
    the_last_row_has_no_line_end: titles_of(table("a@x,1,a\nb@x,2,b")) => ["a", "b"];
    the_last_row_ends_in_a_quote: titles_of(table("a@x,1,\"a\"")) => ["a"];
    blank_lines_and_empty_rows_are_skipped: titles_of(table("\n,,\na@x,1,a\n\"\",,\"\"\n\r\n")) => ["a"];
    utf8_with_a_byte_order_mark: titles_of(format!("\u{feff}{}", table("a@x,1,é\n"))) => ["é"];
    utf16_little_endian_with_a_mark:
        titles_of(utf16(&format!("\u{feff}{}", table("a@x,1,火災 🦺\n")), u16::to_le_bytes)) => ["火災 🦺"];
    utf16_big_endian_with_a_mark:
        titles_of(utf16(&format!("\u{feff}{}", table("a@x,1,火災 🦺\n")), u16::to_be_bytes)) => ["火災 🦺"];
    utf16_little_endian_without_a_mark: titles_of(utf16(&table("a@x,1,火災\n"), u16::to_le_bytes)) => ["火災"];
    utf16_big_endian_without_a_mark: titles_of(utf16(&table("a@x,1,火災\n"), u16::to_be_bytes)) => ["火災"];
    windows_1252_on_request:
        titles(&try_read(b"user,certificationId,displayName\na@x,1,caf\xe9 \x80\n", &json!({"encoding": "windows-1252"})).unwrap())
        => ["café €"];
    semicolons: titles_of(table("a@x,1,\"a,b\"\n").replace("user,certificationId,", "user;certificationId;").replace("a@x,1,", "a@x;1;")) => ["a,b"];
    tabs: titles_of("user\tcertificationId\tdisplayName\na@x\t1\ta, b\n") => ["a, b"];
    bars: titles_of("user|certificationId|displayName\na@x|1|a, b\n") => ["a, b"];
    a_delimiter_line_of_excel: titles_of("sep=;\r\nuser;certificationId;displayName\r\na@x;1;a,b\r\n") => ["a,b"];
    right_to_left_names: titles_of(table("a@x,1,שלום \u{202e}عليكم\n")) => ["שלום \u{202e}عليكم"];
    a_formula_is_text: titles_of(table("a@x,1,=cmd|'/c calc'!A1\n")) => ["=cmd|'/c calc'!A1"];
    a_quoted_formula_loses_its_mark: titles_of(table("a@x,1,'=1+1\n")) => ["=1+1"];
    header_names_may_be_spelt_freely: titles_of("User Principal Name,CERTIFICATION_ID, Display Name \na@x,1,a\n") => ["a"];
    a_header_alone_has_no_rows: titles_of(HEADER) => Vec::<String>::new();
    result_columns_are_ignored: titles_of("user,certificationId,displayName,personcert.reason\na@x,1,a,old\n") => ["a"];
    json_lines: titles_of("{\"user\":\"a@x\",\"certification_id\":\"1\",\"display_name\":\"a\"}\n\n{\"user\":\"b@x\",\"certificationId\":\"2\",\"displayName\":\"b\",\"@odata.type\":\"x\"}") => ["a", "b"];
    json_lines_in_utf16: titles_of(utf16("{\"user\":\"a@x\",\"certificationId\":\"1\",\"displayName\":\"é\"}\n", u16::to_le_bytes)) => ["é"];
}

// Files that end the run, because rows could be lost.
cases! {
    an_empty_file: error("") => "the input is empty; it needs at least a header";
    blank_lines_alone: error("\n \r\n\n") => "the input is empty; it needs at least a header";
    a_byte_order_mark_alone: error("\u{feff}") => "the input is empty; it needs at least a header";
    an_open_quote: error(table("a@x,1,a\nb@x,2,\"b\nc@x,3,c\n"))
        => "row 3, column `displayName`: a quote is opened and never closed; close it";
    text_after_a_closing_quote: error(table("a@x,1,\"a\" b\n"))
        => "row 2, column `displayName`: text follows the closing quote; double the quotes inside a quoted cell";
    a_stray_quote_does_not_swallow_rows: error(table("a@x,1,\"a\nb@x,2,\"b\"\n"))
        => "row 2, column `displayName`: text follows the closing quote; double the quotes inside a quoted cell";
    a_space_before_a_quote: error(table("a@x,1, \"a\"\n"))
        => "row 2, column `displayName`: a space precedes the opening quote; remove it";
    duplicate_headers: error("user,certificationId,displayName,displayName\n")
        => "columns 3 `displayName` and 4 `displayName` are the same; rename or remove one";
    two_spellings_of_a_column: error("user,certificationId,displayName,Display Name\n")
        => "columns 3 `displayName` and 4 `Display Name` are the same; rename or remove one";
    a_misspelt_column: error("user,certificationId,displayNam\n").split("? ").next().unwrap()
        => "column 3 `displayNam`: unknown column; did you mean `displayName`";
    a_read_only_column: error("user,certificationId,createdDateTime\n")
        => "column 3 `createdDateTime`: the service sets this property; remove the column or set `ignoreExtraColumns`";
    no_user_column: error("certificationId,displayName\n").split(';').next().unwrap() => "the input has no user column";
    no_key_column: error("user,displayName\na@x,a\n").split(',').next().unwrap()
        => "the input has neither a column for `certificationId`";
    ten_thousand_columns: error(vec!["c"; 10_000].join(",") + "\n")
        => "row 1: the header has 10000 columns; at most 1000 are read";
    nul_bytes_everywhere: error(b"\0\0\0\0\x01\x02\0\0".to_vec())
        => "the input is not text: it has NUL bytes in it; save the table as CSV UTF-8";
    an_excel_file: error(b"PK\x03\x04\x14\0\x06\0[Content_Types].xml".to_vec())
        => "this is an Excel file or another zip archive; save the table as CSV UTF-8";
    an_old_excel_file: error(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec()) => "this is an old Excel file; save the table as CSV UTF-8";
    a_gzip_file: error(b"\x1f\x8b\x08\0".to_vec()) => "this is a gzip file; unpack it first";
    utf32: error(b"\xff\xfe\0\0u\0\0\0".to_vec()) => "this is UTF-32; save the table as CSV UTF-8";
    a_json_array: error("[{\"user\":\"a@x\"}]") => "the input is a JSON array; write one object on each line (JSON Lines)";
    a_web_page: error("<html></html>") => "the input is XML or HTML; save the table as CSV UTF-8";
    a_mark_against_the_option: try_read("\u{feff}user\n", &json!({"encoding": "windows-1252"})).unwrap_err().message
        => "the input starts with the byte order mark of utf-8; remove the option";
}

// Rows that are rejected; the others are read.
cases! {
    nul_in_a_cell: rejects(table(&format!("{}a@x,1,a\0b\n", "ok@x,1,a long title that moves the NUL byte away from the start\n")))
        => ["row 3, displayName: the cell has a NUL character in it; remove it"];
    too_many_cells: rejects(table("a@x,1,a,b\n"))
        => ["row 2, -: the row has 4 cells, the header 3; compare the delimiters and quotes"];
    too_few_cells: rejects(table("a@x,1\n"))
        => ["row 2, -: the row has 2 cells, the header 3; compare the delimiters and quotes"];
    mixed_encodings: rejects([HEADER.as_bytes(), "a@x,1,é\nb@x,2,".as_bytes(), b"caf\xe9\n"].concat())
        => ["row 3, displayName: the cell is not valid text; save the file as CSV UTF-8, or set `encoding`"];
    half_a_utf16_pair: rejects([utf16(&format!("\u{feff}{HEADER}a@x,1,"), u16::to_le_bytes), vec![0x3d, 0xd8]].concat())
        => ["row 2, displayName: the cell is not valid text; save the file as CSV UTF-8, or set `encoding`"];
    a_cell_above_the_limit: rejects(table(&format!("a@x,1,{}\n", "x".repeat(200_000))))
        => ["row 2, displayName: the cell has 200000 bytes; at most 131072 are read"];
    a_bad_date: rejects("user,certificationId,endDate\na@x,1,2028-02-30\n")
        => ["row 2, endDate: \"2028-02-30\" is not a day of the calendar; give an existing date as YYYY-MM-DD"];
    a_relative_address: rejects("user,certificationId,webUrl\na@x,1,/badge\n")[0].split(';').next().unwrap()
        => "row 2, webUrl: \"/badge\" is not an absolute http(s) address such as https://example.com/badge";
    an_unknown_audience: rejects("user,certificationId,allowedAudiences\na@x,1,organisation\n")[0].split('?').next().unwrap()
        => "row 2, allowedAudiences: \"organisation\" is not a known audience; did you mean `organization`";
    a_path_as_a_user: rejects(table("../me,1,a\n"))
        => ["row 2, user: \"../me\" is a relative path; use an object id or a user principal name"];
    a_cleared_key: rejects(table("a@x,<clear>,a\n"))
        => ["row 2, certificationId: identifies the certification and can't be cleared"];
    a_line_that_is_no_object: rejects("{\"user\":\"a@x\"\n[1]\n").len() => 2;
    a_member_twice: rejects("{\"user\":\"a@x\",\"certificationId\":\"1\",\"certificationId\":\"2\"}\n")
        => ["row 1, certificationId: the object has this member twice; remove one"];
    two_spellings_in_one_object: rejects("{\"user\":\"a@x\",\"certificationId\":\"1\",\"certification_id\":\"2\"}\n")
        => ["row 1, certification_id: the row has this value twice; remove one"];
    an_unknown_member: rejects("{\"user\":\"a@x\",\"certificationId\":\"1\",\"displayNam\":\"a\"}\n")[0].split('?').next().unwrap()
        => "row 1, displayNam: unknown column; did you mean `displayName`";
    deep_json: rejects(format!("{{\"user\":\"a@x\",\"inference\":{}}}\n", "[".repeat(100_000))).len() => 1;
    a_number_as_text: rejects("{\"user\":\"a@x\",\"certificationId\":900}\n")
        => ["row 1, certificationId: expected text, got the number 900"];
    a_bad_inference: rejects("user,certificationId,inference\na@x,1,\"{\"\"confidenceScore\"\":\"\"high\"\"}\"\n")
        => ["row 2, inference: confidenceScore: expected a number, got the text \"high\""];
}

#[test]
fn dates_are_read_in_the_format_that_is_named() {
    for (format, text) in [
        ("%Y-%m-%d", "2028-01-31"),
        ("%m/%d/%Y", "01/31/2028"),
        ("%d.%m.%Y", "31.1.2028"),
        ("%d-%b-%Y", "31-Jan-2028"),
        ("%Y%m%d", "20280131"),
    ] {
        let input = format!("user,certificationId,endDate\na@x,1,{text}\nb@x,2,nonsense\n");
        let outcome = try_read(input, &json!({"dateFormat": format})).unwrap();
        let patch = serde_json::to_value(&outcome.rows[0].patch).unwrap();
        assert_eq!(patch["endDate"], "2028-01-31", "{format}");
        assert_eq!(outcome.rejects, [format!("row 3, endDate: \"nonsense\" is not a date as {format}")]);
    }
}

/// Endless text after the header; counts what is taken from it.
struct Endless {
    head: Cursor<Vec<u8>>,
    piece: &'static [u8],
    taken: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Read for Endless {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let mut count = self.head.read(bytes)?;
        if count == 0 {
            count = bytes.len() / self.piece.len() * self.piece.len();
            bytes[..count].chunks_mut(self.piece.len()).for_each(|chunk| chunk.copy_from_slice(self.piece));
        }
        self.taken.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        Ok(count)
    }
}

#[test]
fn a_cell_without_end_is_given_up_after_a_bounded_read() {
    for (head, piece, wanted) in [
        (
            table("a@x,1,"),
            &b"x"[..],
            "row 2, column `displayName`: the row is longer than 1 MiB; is a quote left open?",
        ),
        (table("a@x,1,\""), b"x\n", "row 2, column `displayName`: the row is longer than 1 MiB; is a quote left open?"),
        (
            table("a@x,1,\""),
            b"\"\"",
            "row 2, column `displayName`: the row is longer than 1 MiB; is a quote left open?",
        ),
        (table("a@x,1,x"), b",", "row 2, column"),
        (String::new(), b"u", "row 1, column 1: the row is longer than 1 MiB; is a quote left open?"),
        ("{\"user\":\"".into(), b"x", "row 1: the line is longer than 1 MiB; shorten it"),
    ] {
        let taken = std::sync::Arc::default();
        let endless =
            Endless { head: Cursor::new(head.clone().into_bytes()), piece, taken: std::sync::Arc::clone(&taken) };
        let options = BulkOptions::default();
        let read =
            source::read(Box::new(endless), &options).and_then(|mut source| read_source(source.as_mut(), &options));
        let message = read.unwrap_err().message;
        assert!(message.starts_with(wanted), "{message}");
        let taken = taken.load(std::sync::atomic::Ordering::Relaxed);
        assert!(taken < 3 << 20, "{taken} bytes were read after {head:?}");
    }
}

#[test]
fn blank_lines_without_end_take_no_memory_and_end_with_the_input() {
    let input = [HEADER.as_bytes(), &b"\n".repeat(1 << 20), b"a@x,1,a\n"].concat();
    let outcome = read(input);
    assert_eq!((outcome.rows.len(), outcome.rows[0].number), (1, 2 + (1 << 20)));
}

#[test]
fn a_row_split_at_any_byte_is_the_same() {
    /// Ends a read at this position.
    struct Split(Cursor<Vec<u8>>, u64);
    impl Read for Split {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            let before = self.1.saturating_sub(self.0.position());
            let limit = if before > 0 { bytes.len().min(usize::try_from(before).unwrap()) } else { bytes.len() };
            self.0.read(&mut bytes[..limit])
        }
    }
    // Longer than what is looked at first.
    let filler = "f@x,0,filler\r\n".repeat(400);
    let text = format!("{HEADER}{filler}a@x,1,\"é \"\"b\"\"\r\n火\"\r\nb@x,2,🦺\r\n");
    let options = BulkOptions::default();
    for (bytes, name) in [
        (text.clone().into_bytes(), "utf-8"),
        (utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), "utf-16le"),
        (utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), "utf-16be"),
    ] {
        for at in (1..4).chain(bytes.len() - 40..bytes.len()) {
            let input = Box::new(Split(Cursor::new(bytes.clone()), at as u64));
            let mut source = source::read(input, &options).unwrap();
            let titles = titles(&read_source(source.as_mut(), &options).unwrap());
            assert_eq!(titles[400..], ["é \"b\"\r\n火", "🦺"], "{name} split at {at}");
        }
    }
}

#[test]
fn a_folder_and_a_missing_file_are_named() {
    let folder = TempDir::new().unwrap();
    let open = |path: &Path| source::open(path, &BulkOptions::default()).err().unwrap().message;
    assert!(open(folder.path()).ends_with(": is a folder; give a file"));
    assert!(open(&folder.path().join("missing.csv")).contains("missing.csv: "));
    let excel = folder.path().join("book.xlsx");
    std::fs::write(&excel, b"PK\x03\x04").unwrap();
    assert!(open(&excel).contains("book.xlsx: this is an Excel file"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("growing.csv");
    std::fs::write(&path, table(&"a@x,1,a\n".repeat(20_000))).unwrap();
    let options = BulkOptions::default();
    let mut source = source::open(&path, &options).unwrap();
    assert!(source.advance().unwrap());
    std::fs::write(&path, table(&"a@x,1,a\n".repeat(20_001))).unwrap();
    let message = read_source(source.as_mut(), &options).unwrap_err().message;
    assert!(message.contains("it changed while it was read; run again"), "{message}");
}

#[test]
#[cfg(unix)]
fn a_named_pipe_is_a_stream() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, table("a@x,1,a\nb@x,2,b\n"))
    });
    let options = BulkOptions::default();
    let mut source = source::open(&path, &options).unwrap();
    assert_eq!(titles(&read_source(source.as_mut(), &options).unwrap()), ["a", "b"]);
    writer.join().unwrap().unwrap();
}

#[test]
fn users_are_one_whatever_the_case_and_me_is_the_signed_in_user() {
    let outcome = read(table("ME,1,a\n me ,2,b\nAda@x,3,c\n"));
    let users: Vec<_> = outcome.rows.iter().map(|row| row.user.clone()).collect();
    assert_eq!(users, [User::Me, User::Me, User::Named("Ada@x".into())]);
}

#[test]
fn columns_are_named_by_options() {
    let members = json!({
        "userColumn": "Mail", "map": {"displayName": "Item Title", "certification_id": "Code"}, "ignoreExtraColumns": true,
    });
    let outcome =
        try_read("Mail,Item Title,Code,Team,displayName\na@x,Fire safety,F1,Sales,other\n", &members).unwrap();
    assert_eq!(titles(&outcome), ["Fire safety"]);
    let missing = try_read("Mail,Titel,Code\n", &members).unwrap_err();
    assert_eq!(missing.details.parameter.as_deref(), Some("map.displayName"));
    assert!(missing.message.starts_with("the input has no column `Item Title`"), "{}", missing.message);
}
