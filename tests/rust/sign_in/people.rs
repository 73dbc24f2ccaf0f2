//! Users: the browser, the code, and what follows.

use serde_json::{Value, json};

use crate::person::{PUBLIC, Person, Said, USER, address, fetch, pick};

#[test]
fn the_browser_signs_in_for_every_later_command() {
    let person = Person::new();
    let whoami = person.run(&["whoami"]);
    assert_eq!((whoami.code, whoami.out.as_str()), (4, ""));
    assert!(whoami.err.contains("not signed in; run `personcert login`"), "{}", whoami.err);
    person.sign_in();
    let who: Value = serde_json::from_str(&person.run(&["whoami", "--json"]).out).expect("JSON");
    assert_eq!((&who["username"], &who["clientId"]), (&json!(USER), &json!(PUBLIC)));
    assert_eq!((&who["name"], &who["storedIn"]), (&json!("Innocenty Popov"), &json!(person.file())));
    for _ in 0..3 {
        let said = person.change(&mut person.command(&[]), "me");
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    }
    assert_eq!(person.grants(), ["authorization_code"], "the access token is kept too");
    assert_eq!(person.run(&["logout"]).out, "signed out\n");
    assert_eq!(person.run(&["logout"]).out, "not signed in\n");
    assert_eq!(person.run(&["whoami"]).code, 4);
}

#[test]
fn only_the_redirect_of_this_sign_in_counts() {
    let person = Person::new();
    let (child, line, _told) = person.begin(&["login", "--client-id", PUBLIC]);
    let back = pick(&address(&line), USER);
    let (place, _) = back.split_once('?').expect("a query");
    for (other, status) in [("?code=stolen&state=guessed", 400), ("?code=stolen", 400), ("favicon.ico", 404)] {
        assert_eq!(fetch(&format!("{place}{other}"), None).status, status, "{other}");
    }
    assert_eq!(fetch(place, Some("code=stolen")).status, 404);
    assert!(fetch(&back, None).body.contains("You are signed in"));
    assert_eq!(Said::of(child.wait_with_output().expect("it ends")).code, 0);
    assert_eq!(person.grants(), ["authorization_code"]);
}

#[test]
fn declining_ends_the_sign_in() {
    let person = Person::new();
    let (child, line, mut told) = person.begin(&["login", "--client-id", PUBLIC]);
    let back = pick(&address(&line), "");
    assert!(back.contains("error=access_denied"), "{back}");
    assert!(fetch(&back, None).body.contains("did not succeed"));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut told, &mut rest).expect("text");
    let said = Said::of(child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, 4, "{rest}");
    assert!(rest.contains("AADSTS65004") && rest.contains("access_denied"), "{rest}");
    assert!(!person.file().exists());
}

#[test]
fn a_code_is_entered_on_the_page() {
    let person = Person::new();
    let (child, line, _told) = person.begin(&["login", "--client-id", PUBLIC, "--sign-in", "device-code"]);
    let code = line.trim_end().trim_end_matches('.').rsplit(' ').next().expect("a code");
    let page = address(&line);
    assert!(fetch(&page, None).body.contains("Code"));
    assert_eq!(fetch(&page, Some(&format!("code=WRONG&user={USER}"))).status, 400);
    assert!(fetch(&page, Some(&format!("code={code}&user={USER}"))).body.contains("You have signed in"));
    let said = Said::of(child.wait_with_output().expect("it ends"));
    assert!(said.code == 0 && said.out.contains(USER), "{said:?}");
    assert_eq!(person.change(&mut person.command(&[]), "me").code, 0);
}

#[test]
fn a_revoked_session_ends_with_one_error() {
    let person = Person::new();
    person.sign_in();
    let before = person.tell("certifications", json!({"user": USER}));
    person.tell("revoke", json!({"user": USER}));
    let said = person.change(&mut person.command(&[]), "me");
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("AADSTS50173") && said.err.contains("the session was revoked; run `personcert login`"),
        "{said:?}"
    );
    let starts: Vec<_> = said.err.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(starts, ["error:", "Nothing"], "{}", said.err);
    assert_eq!(person.tell("certifications", json!({"user": USER})), before);
    person.sign_in();
    assert_eq!(person.change(&mut person.command(&[]), "me").code, 0);
}

#[test]
fn two_programs_share_one_refresh() {
    let person = Person::new();
    person.tell("lifetime", json!({"seconds": 2}));
    person.sign_in();
    // The token expires too soon to be used again: each program gets a new one.
    for _ in 0..2 {
        assert_eq!(person.change(&mut person.command(&[]), "me").code, 0);
    }
    assert_eq!(person.grants(), ["authorization_code", "refresh_token", "refresh_token"]);
    person.tell("lifetime", json!({"seconds": 3600}));
    for _ in 0..3 {
        assert_eq!(person.change(&mut person.command(&[]), "me").code, 0);
    }
    assert_eq!(person.grants().len(), 4);
}

#[test]
fn a_session_of_another_application_is_not_used() {
    let person = Person::new();
    person.sign_in();
    let said = person.change(person.command(&["--sign-in", "login"]).env("AZURE_CLIENT_ID", "another"), "me");
    assert_eq!(said.code, 0, "the variable is for other programs: {said:?}");
    let said = person.change(&mut person.command(&["--sign-in", "login", "--client-id", "another"]), "me");
    assert!(said.code == 4 && said.err.contains("another application or tenant"), "{said:?}");
}

#[test]
fn a_missing_or_unknown_application_is_reported() {
    let person = Person::new();
    let said = person.run(&["login", "--client-id", PUBLIC, "--sign-in", "azure-cli"]);
    assert!(said.code == 6 && said.err.contains("`browser` or `device-code`"), "{said:?}");
    let said = person.run(&["login"]);
    assert_eq!(said.code, 4);
    assert!(said.err.contains("AZURE_CLIENT_ID"), "{said:?}");
    let said =
        person.run(&["login", "--client-id", "99999999-9999-9999-9999-999999999999", "--sign-in", "device-code"]);
    assert!(said.code == 4 && said.err.contains("AADSTS700016"), "{said:?}");
}
