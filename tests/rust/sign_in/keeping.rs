//! Where a sign-in is kept, and that nobody else can see it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::person::{PUBLIC, Person};

#[test]
fn nobody_else_can_read_it_at_any_moment() {
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
    assert!(said.code == 3 && said.err.contains("chmod 600"), "{said:?}");
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
        assert!(said.code == 3 && said.err.contains("symbolic link"), "{said:?}");
    }
    let before = std::fs::read(&elsewhere).expect("it is there");
    // A link to nothing is not followed to make a file there either.
    std::fs::remove_file(person.file()).expect("it goes");
    symlink(person.home.path().join("new.json"), person.file()).expect("a link");
    let said = person.run(&["whoami"]);
    assert!(said.code == 3 && said.err.contains("symbolic link"), "{said:?}");
    assert_eq!(std::fs::read(&elsewhere).expect("it is there"), before);
    assert!(!person.home.path().join("new.json").exists());
}

#[test]
fn a_keyring_that_does_not_answer_holds_nobody_up() {
    let person = Person::new();
    let place = person.home.path().join("bus");
    // It takes connections and says nothing, as a keyring that waits for somebody to unlock it.
    let bus = std::os::unix::net::UnixListener::bind(&place).expect("a socket");
    let mut command = person.command(&["whoami"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", place.display()));
    let said = crate::person::Said::of(command.output().expect("it ends"));
    assert!(said.code == 3 && said.err.contains("not signed in"), "{said:?}");
    assert!(bus.accept().is_ok(), "it was asked");
}

#[test]
fn what_is_no_sign_in_is_said_to_be_none() {
    let person = Person::new();
    person.sign_in();
    for nonsense in ["", "[]", "{\"a\"", "\u{0}"] {
        std::fs::write(person.file(), nonsense).expect("it is written");
        let said = person.run(&["whoami"]);
        assert!(said.code == 3 && said.err.contains("not a session file"), "{nonsense:?}: {said:?}");
    }
    std::fs::write(person.file(), "{\"https://graph.microsoft.com/.default\": 1}").expect("it is written");
    assert!(person.run(&["whoami"]).err.contains("not signed in"));
}

#[test]
fn a_file_of_ones_own_choice() {
    let person = Person::new();
    let file = person.home.path().join("mine.json");
    let option = format!("--token-cache-file={}", file.display());
    let (child, line, _told) = person.begin(&["login", "--client-id", PUBLIC, &option]);
    let back = crate::person::pick(&crate::person::address(&line), crate::person::USER);
    assert_eq!(crate::person::fetch(&back, None).status, 200);
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert!(file.exists() && !person.file().exists());
    assert_eq!(person.change(&mut person.command(&[&option]), "me").code, 0);
    assert_eq!(person.run(&["whoami"]).code, 3);
}
