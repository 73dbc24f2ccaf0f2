//! One more line in a table is one more property, setting, call option, option of the local Graph, member of its
//! faults, limit, argument of its commands, error attribute or exit code in every front end: shown by a copy of the
//! project with one line of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The lines to add: the file, the start of the line before, and the line.
const LINES: [(&str, &str, &str); 9] = [
    (
        "crates/personcert/src/certification.rs",
        "description = \"description\"",
        "one_more = \"oneMore\": String, \"One more property.\";",
    ),
    (
        "crates/personcert/src/config.rs",
        "proxy = \"proxy\"",
        "one_more_setting = \"oneMoreSetting\": bool = false, \"One more setting.\";",
    ),
    (
        "crates/personcert/src/host/operations.rs",
        "skip = \"skip\"",
        "one_more_option = \"oneMoreOption\": Option String, ALL, \"One more call option.\";",
    ),
    (
        "crates/personcert-local/src/options.rs",
        "tls = \"tls\"",
        "one_more_start = \"oneMoreStart\": bool = false, \"One more option of the local Graph.\";",
    ),
    (
        "crates/personcert-local/src/fault.rs",
        "times = \"times\"",
        "one_more_fault = \"oneMoreFault\": Option<f64> = None, in 0.0..=5.0, \"One more member of faults.\";",
    ),
    (
        "crates/personcert-local/src/throttle.rs",
        "mailbox = \"mailbox\"",
        "one_more_limit = \"oneMoreLimit\": Option<usize> = None, \"One more limit.\";",
    ),
    (
        "crates/personcert-local/src/arguments.rs",
        "decline = \"decline\"",
        "one_more_argument = \"oneMoreArgument\": Option<String> = None, \"One more argument of a command.\";",
    ),
    (
        "crates/personcert/src/error.rs",
        "date = \"date\"",
        "one_more_detail = \"oneMoreDetail\": String, Text, \"One more attribute.\";",
    ),
    ("crates/personcert-cli/src/exit_code.rs", "Unknown = 9", "OneMore = 99, [], \"One more exit code.\";"),
];

/// What the generated parts then contain, and how often.
const GENERATED: [(&str, &str, usize); 25] = [
    ("python/personcert/_models.py", "    one_more: str | None", 2),
    ("python/personcert/_models.py", "    one_more_setting: bool", 1),
    ("python/personcert/_client.py", "        one_more_option: str | None = None,", 6),
    ("python/personcert/_client.py", "            one_more_option: One more call option.", 6),
    ("python/personcert/_async_client.py", "        one_more_option: str | None = None,", 6),
    ("python/personcert/_local.py", "        one_more_start: bool = False,", 1),
    ("python/personcert/_local.py", "one_more_limit: int | None = None", 1),
    ("python/personcert/_local.py", "one_more_argument: str | None = None", 1),
    ("python/personcert/_local.py", "            one_more_argument: One more argument of a command.", 1),
    ("python/personcert/_models.py", "        one_more_fault: float", 1),
    ("python/personcert/_errors.py", "    one_more_detail: str | None", 1),
    ("node/types.d.ts", "  oneMore?: string | null", 2),
    ("node/types.d.ts", "  oneMoreSetting?: boolean", 1),
    ("node/types.d.ts", "  oneMoreOption?: string", 1),
    ("node/types.d.ts", "  oneMoreStart?: boolean", 1),
    ("node/types.d.ts", "  readonly oneMoreDetail: string | null", 1),
    ("node/types.d.ts", "  oneMoreFault?: number", 1),
    ("node/types.d.ts", "  oneMoreLimit?: number", 1),
    ("node/types.d.ts", "  oneMoreArgument?: string", 1),
    ("docs/local-graph.md", "| Fault | `oneMoreFault` | number | One more member of faults. Must be from 0 to 5. |", 1),
    ("docs/local-graph.md", "| `throttle` | `oneMoreLimit` | whole number | One more limit. |", 1),
    ("docs/settings.md", "One more ", 2),
    ("docs/local-graph.md", "| `one_more_start` | boolean | One more option of the local Graph. |", 1),
    ("docs/cli.md", "| 99 | One more exit code. |", 1),
    ("docs/errors.md", "| `one_more_detail` | text | One more attribute. |", 1),
];

/// Folders whose content is built or installed.
const BUILT: [&str; 6] = ["target", "node_modules", ".venv", ".git", "incremental", "dist"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Puts every file below `from` into `to`, except what is built or installed.
fn each_file(from: &Path, to: &Path, put: fn(&Path, &Path) -> std::io::Result<()>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        if kind.is_dir() && !BUILT.contains(&&*name.to_string_lossy()) {
            each_file(&entry.path(), &to.join(&name), put);
        } else if kind.is_file() {
            put(&entry.path(), &to.join(&name)).unwrap();
        }
    }
}

fn cargo(copy: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(copy).args(["run", "--quiet", "--offline", "--package"]).args(arguments);
    command.env("CARGO_TARGET_DIR", copy.join("target")).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A copy of the project with one line more in each table.
fn copy() -> PathBuf {
    let copy = root().join("target/one-more");
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    each_file(&root(), &copy, |from, to| fs::copy(from, to).map(|_| ()));
    // Dependencies are not built again: their artifacts are linked, and cargo replaces files, it never writes into them.
    for folder in ["deps", "build", ".fingerprint"] {
        let built = Path::new("target/debug").join(folder);
        each_file(&root().join(&built), &copy.join(&built), |from, to| fs::hard_link(from, to));
    }
    for (file, before, line) in LINES {
        let text = fs::read_to_string(copy.join(file)).unwrap();
        let line_before = text.lines().find(|line| line.trim_start().starts_with(before)).unwrap();
        let with_line = text.replace(line_before, &format!("{line_before}\n{line}"));
        assert_eq!(with_line.lines().count(), text.lines().count() + 1, "{file}");
        fs::write(copy.join(file), with_line).unwrap();
    }
    // The new lines are described and read, but no code uses them.
    let manifest = fs::read_to_string(copy.join("Cargo.toml")).unwrap();
    let lenient = manifest.replace("unused = { level = \"deny\"", "unused = { level = \"allow\"");
    assert_ne!(manifest, lenient);
    fs::write(copy.join("Cargo.toml"), lenient).unwrap();
    copy
}

#[test]
fn one_more_line_in_a_table_appears_in_every_front_end() {
    let copy = copy();
    let generated = cargo(&copy, &["xtask", "--", "stubs"]);
    assert!(generated.status.success(), "{}", text(&generated));
    for (file, part, count) in GENERATED {
        let text = fs::read_to_string(copy.join(file)).unwrap();
        assert_eq!(text.matches(part).count(), count, "{file}: {part}");
    }

    let command = |arguments: &[&str]| cargo(&copy, &[&["personcert-cli", "--"], arguments].concat());
    let help = text(&command(&["help", "update"]));
    assert!(help.contains("--one-more-option") && help.contains("--one-more-setting"), "{help}");
    let help = text(&command(&["help", "serve"]));
    assert!(help.contains("--one-more-start"), "{help}");
    let help = text(&command(&["--help"]));
    assert!(help.contains("99 One more exit code."), "{help}");
    let faults = copy.join("faults.json");
    fs::write(&faults, r#"[{"oneMoreFault": 6}]"#).unwrap();
    let refused = command(&["serve", "--faults", faults.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    assert!(text(&refused).contains("faults[0].oneMoreFault: must be from 0 to 5"), "{}", text(&refused));
    // The property is accepted: the command fails only because no server listens.
    let update = ["--json", "update", "1", "--set", "oneMore=x", "--one-more-option", "y", "--one-more-setting"];
    let server = ["--base-url", "http://127.0.0.1:9", "--token-command", "echo t", "--max-attempts", "1"];
    let failed = command(&[update.as_slice(), &server].concat());
    assert_eq!(failed.status.code(), Some(8), "{}", text(&failed));
    assert!(text(&failed).contains("\"oneMoreDetail\":null"), "{}", text(&failed));
}
