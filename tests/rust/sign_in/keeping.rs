//! Where a session is stored, and that other users can't see it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::person::{PUBLIC, Person};

#[test]
fn the_file_is_private_at_every_moment() {
    let person = Person::new();
    let (over, home) = (AtomicBool::new(false), person.home.path().to_owned());
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = 0_u64;
            while !over.load(Ordering::Acquire) {
                let Ok(entries) = std::fs::read_dir(home.join(".local/state/personcert")) else { continue };
                for entry in entries.flatten() {
                    let Ok(about) = std::fs::symlink_metadata(entry.path()) else { continue };
                    assert_eq!(about.mode() & 0o077, 0, "{}", entry.path().display());
                    seen += 1;
                }
            }
            seen
        });
        person.sign_in();
        for _ in 0..3 {
            person.tell("lifetime", serde_json::json!({"seconds": 2}));
            assert_eq!(person.change(&mut person.command(&[]), "me").code, 0);
        }
        over.store(true, Ordering::Release);
        assert!(watch.join().expect("the watch") > 0);
    });
    let folder = std::fs::metadata(person.home.path().join(".local/state/personcert")).expect("a folder");
    assert_eq!(folder.mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(person.file()).expect("a file").mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let person = Person::new();
    person.sign_in();
    std::fs::set_permissions(person.file(), PermissionsExt::from_mode(0o640)).expect("its mode");
    let said = person.run(&["whoami"]);
    assert!(said.code == 4 && said.err.contains("chmod 600"), "{said:?}");
    std::fs::set_permissions(person.file(), PermissionsExt::from_mode(0o600)).expect("its mode");
    assert_eq!(person.run(&["whoami"]).code, 0);
}

#[test]
fn symbolic_links_are_neither_read_nor_written() {
    let person = Person::new();
    person.sign_in();
    let elsewhere = person.home.path().join("elsewhere.json");
    std::fs::rename(person.file(), &elsewhere).expect("it moves");
    symlink(&elsewhere, person.file()).expect("a link");
    for command in ["whoami", "logout"] {
        let said = person.run(&[command]);
        assert!(said.code == 4 && said.err.contains("symbolic link"), "{said:?}");
    }
    let before = std::fs::read(&elsewhere).expect("it is there");
    // A dangling link is not followed to create a file either.
    std::fs::remove_file(person.file()).expect("it goes");
    symlink(person.home.path().join("new.json"), person.file()).expect("a link");
    let said = person.run(&["whoami"]);
    assert!(said.code == 4 && said.err.contains("symbolic link"), "{said:?}");
    assert_eq!(std::fs::read(&elsewhere).expect("it is there"), before);
    assert!(!person.home.path().join("new.json").exists());
}

#[test]
fn a_keyring_that_does_not_answer_counts_as_absent() {
    let person = Person::new();
    let place = person.home.path().join("bus");
    // Accepts connections and never answers, like a keyring that waits for its user.
    let bus = std::os::unix::net::UnixListener::bind(&place).expect("a socket");
    let mut command = person.command(&["whoami"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", place.display()));
    let said = crate::person::Said::of(command.output().expect("it ends"));
    assert!(said.code == 4 && said.err.contains("not signed in"), "{said:?}");
    assert!(bus.accept().is_ok(), "it was asked");
}

#[test]
fn a_foreign_file_is_reported_as_such() {
    let person = Person::new();
    person.sign_in();
    for nonsense in ["", "[]", "{\"a\"", "\u{0}"] {
        std::fs::write(person.file(), nonsense).expect("it is written");
        let said = person.run(&["whoami"]);
        assert!(said.code == 4 && said.err.contains("not a session file"), "{nonsense:?}: {said:?}");
    }
    std::fs::write(person.file(), "{\"https://graph.microsoft.com/.default\": 1}").expect("it is written");
    assert!(person.run(&["whoami"]).err.contains("not signed in"));
}

#[test]
fn a_configured_file_stores_the_session() {
    let person = Person::new();
    let file = person.home.path().join("mine.json");
    let option = format!("--token-cache-file={}", file.display());
    let (child, line, _told) = person.begin(&["login", "--client-id", PUBLIC, &option]);
    let back = crate::person::pick(&crate::person::address(&line), crate::person::USER);
    assert_eq!(crate::person::fetch(&back, None).status, 200);
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert!(file.exists() && !person.file().exists());
    assert_eq!(person.change(&mut person.command(&[&option]), "me").code, 0);
    assert_eq!(person.run(&["whoami"]).code, 4);
}

#[test]
fn a_file_of_another_user_is_refused() {
    let person = Person::new();
    person.sign_in();
    let file = if std::os::unix::fs::chown(person.file(), Some(65534), None).is_ok() {
        person.file()
    } else {
        // Without the right to give files away: one that belongs to root.
        std::path::PathBuf::from("/etc/passwd")
    };
    let said = person.run(&["whoami", &format!("--token-cache-file={}", file.display())]);
    assert!(said.code == 4 && said.err.contains("owned by another user"), "{said:?}");
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let person = Person::new();
    person.sign_in();
    let directory = person.file().parent().expect("a directory").to_owned();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o777)).expect("its mode");
    let said = person.run(&["whoami"]);
    assert!(said.code == 4 && said.err.contains("chmod go-w"), "{said:?}");
    // With the sticky bit, as in /tmp, others can't replace the file.
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o1777)).expect("its mode");
    assert_eq!(person.run(&["whoami"]).code, 0);
}
