//! Applications and machines: credentials in the environment, their order, and where secrets go.

use std::process::Command;

use serde_json::{Value, json};

use crate::person::{CONFIDENTIAL, Person, Said, USER};

const CERTIFIED: &str = "22222222-3333-4444-5555-666666666666";

fn identity(name: &str) -> String {
    format!("{}/../../tests/identity/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The command with an application's id and tenant around it.
fn app(person: &Person, id: &str) -> Command {
    let mut command = person.command(&[]);
    command.env("AZURE_CLIENT_ID", id).env("AZURE_TENANT_ID", "contoso.com");
    command
}

fn succeeded(said: &Said) {
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.err.starts_with("warning: this change may be refused; permissions: application permission"),
        "{said:?}"
    );
}

#[test]
fn the_environment_signs_an_application_in() {
    let person = Person::new();
    succeeded(&person.example(app(&person, CONFIDENTIAL).env("AZURE_CLIENT_SECRET", "local-secret"), USER));
    assert_eq!(person.grants(), ["client_credentials"]);
    for (file, password) in [("client.pem", ""), ("client.pfx", "local-password")] {
        person.tell("reset", Value::Null);
        let pem = std::fs::read_to_string(identity("client.pem")).expect("a certificate");
        person.tell("app", json!({"clientId": CERTIFIED, "certificate": pem}));
        let mut command = app(&person, CERTIFIED);
        command.env("AZURE_CLIENT_CERTIFICATE_PATH", identity(file));
        command.env("AZURE_CLIENT_CERTIFICATE_PASSWORD", password);
        succeeded(&person.change(&mut command, USER));
        assert_eq!(person.grants(), ["client_credentials"]);
    }
}

#[test]
fn a_federated_token_signs_an_application_in() {
    let person = Person::new();
    let file = person.home.path().join("federated");
    std::fs::write(&file, person.tell("federated", Value::Null).as_str().expect("text")).expect("a file");
    succeeded(&person.example(app(&person, CONFIDENTIAL).env("AZURE_FEDERATED_TOKEN_FILE", &file), USER));
    let mut job = app(&person, CONFIDENTIAL);
    job.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/_identity/github?api-version=2.0", person.graph.url()));
    succeeded(&person.example(job.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "local-github-token"), USER));
    let mut job = app(&person, CONFIDENTIAL);
    job.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/_identity/github?api-version=2.0", person.graph.url()));
    let said = person.example(job.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "another-token"), USER);
    assert!(said.code == 4 && said.err.contains("GitHub issued no token for this job"), "{said:?}");
    assert!(!said.err.contains("another-token"), "{said:?}");
}

#[test]
fn a_managed_identity_signs_in() {
    let person = Person::new();
    let url = person.graph.url();
    succeeded(&person.example(person.command(&[]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", url), USER));
    assert_eq!(person.grants(), ["managed_identity"]);
    let mut service = person.command(&["--client-id", "the-second-identity"]);
    service.env("IDENTITY_ENDPOINT", format!("{url}/msi/token")).env("IDENTITY_HEADER", "local-identity-header");
    succeeded(&person.example(&mut service, USER));
    assert_eq!(person.tell("signIns", Value::Null)[0]["clientId"], "the-second-identity");
    let mut service = person.command(&["--sign-in", "managed-identity"]);
    service.env("IDENTITY_ENDPOINT", format!("{url}/msi/token")).env("IDENTITY_HEADER", "another-header");
    let said = person.example(&mut service, USER);
    assert!(said.code == 4 && !said.err.contains("another-header"), "{said:?}");
}

#[test]
fn the_azure_command_line_signs_in() {
    let person = Person::new();
    let token = person.tell("token", json!({"scopes": ["User.ReadWrite"]}));
    let answer = json!({"accessToken": token, "expires_on": 4_102_444_800_u64, "tokenType": "Bearer"});
    person.program("az", &format!("env > \"$HOME/az.env\"; echo \"$@\" > \"$HOME/az.arguments\"; echo '{answer}'"));
    // Without a reset, which would invalidate the token.
    let said = person.change(person.command(&[]).env("IDENTITY_HEADER", "canary-secret"), "me");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let arguments = std::fs::read_to_string(person.home.path().join("az.arguments")).expect("its arguments");
    assert!(arguments.contains("account get-access-token"), "{arguments}");
    let around = std::fs::read_to_string(person.home.path().join("az.env")).expect("its environment");
    assert!(!around.contains("canary"), "{around}");
    person.program("az", "echo 'ERROR: Please run az login' >&2; exit 1");
    let said = person.change(&mut person.command(&["--sign-in", "azure-cli"]), "me");
    assert!(said.code == 4 && said.err.contains("Please run az login"), "{said:?}");
}

#[test]
fn a_session_comes_before_application_credentials_and_those_before_the_machine() {
    let person = Person::new();
    let around = |command: &mut Command| {
        command.env("AZURE_CLIENT_ID", CONFIDENTIAL).env("AZURE_TENANT_ID", "contoso.com");
        command.env("AZURE_CLIENT_SECRET", "local-secret");
        command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", person.graph.url());
        person.change(command, USER)
    };
    succeeded(&around(&mut person.command(&[])));
    assert_eq!(person.grants(), ["client_credentials"]);
    person.sign_in();
    let said = around(&mut person.command(&[]));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(person.grants(), ["client_credentials", "authorization_code"]);
    succeeded(&around(&mut person.command(&["--sign-in", "managed-identity"])));
}

#[test]
fn without_a_credential_the_error_lists_what_was_tried() {
    let person = Person::new();
    let said = person.example(&mut person.command(&[]), "me");
    assert_eq!(said.code, 4);
    let parts = [
        "no credential available; run `personcert login`. Tried: login (not signed in), ",
        "client-secret (AZURE_CLIENT_SECRET is not set)",
        "certificate (AZURE_CLIENT_CERTIFICATE_PATH is not set)",
        "workload-identity (AZURE_FEDERATED_TOKEN_FILE is not set",
        "managed-identity (no managed identity endpoint found)",
        "azure-cli (`az` was not found on PATH)",
    ];
    for part in parts {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
}

#[test]
fn an_ambient_credential_that_fails_is_skipped_and_a_configured_one_is_not() {
    let person = Person::new();
    // An Azure machine without an identity, whose user is signed in to the Azure command line.
    let path = "/metadata/identity/oauth2/token";
    let no_identity =
        json!({"nth": 2, "path": path, "act": {"answer": {"status": 400, "body": {"error": "invalid_request"}}}});
    person.tell("faults", json!({"faults": [no_identity]}));
    let token = person.tell("token", json!({"scopes": ["User.ReadWrite"]}));
    let answer = json!({"accessToken": token, "expires_on": 4_102_444_800_u64, "tokenType": "Bearer"});
    person.program("az", &format!("echo '{answer}'"));
    let url = person.graph.url();
    let said = person.change(person.command(&[]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", url), "me");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let said = person.change(app(&person, CONFIDENTIAL).env("AZURE_CLIENT_SECRET", "wrong"), USER);
    assert!(said.code == 4 && said.err.contains("AADSTS7000215"), "{said:?}");
}

#[test]
fn a_machine_of_another_cloud_has_no_managed_identity() {
    let person = Person::new();
    let other = json!({"path": "/metadata/*", "act": {"answer": {"status": 404, "body": "not found"}}});
    person.tell("faults", json!({"faults": [other]}));
    let url = person.graph.url();
    let said = person.change(person.command(&[]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", url), "me");
    assert!(said.code == 4 && said.err.contains("managed-identity (no managed identity endpoint found)"), "{said:?}");
}

#[test]
fn secrets_are_not_passed_on() {
    let person = Person::new();
    let canaries = ["canary-secret", "canary-password", "canary-github", "canary-header", "canary.token.text"];
    let mut command = person.command(&["login", "--client-id", "00000000-1111-2222-3333-444444444444", "--verbose"]);
    let names = [
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "IDENTITY_HEADER",
        "PERSONCERT_TOKEN",
    ];
    for (name, canary) in names.iter().zip(canaries) {
        command.env(name, canary);
    }
    let mut child = command.spawn().expect("the command runs");
    let mut told = std::io::BufReader::new(child.stderr.take().expect("its errors"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).expect("a line");
    let shown = std::fs::read_to_string(format!("/proc/{}/cmdline", child.id())).expect("what `ps` shows");
    let back = crate::person::pick(&crate::person::address(&line), USER);
    let page = crate::person::fetch(&back, None).body;
    std::io::Read::read_to_string(&mut told, &mut line).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{line}");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(person.file()).expect("a file")).expect("JSON");
    let kept = &kept[format!("{}/.default", person.graph.url())];
    let tokens = [&kept["refresh"], &kept["access"][0]].map(|token| token.as_str().expect("a token").to_owned());
    let around = std::fs::read_to_string(person.home.path().join("browser.env")).expect("its environment");
    let all = [shown, page, line, String::from_utf8_lossy(&output.stdout).into_owned(), around];
    for canary in canaries.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(all.iter().all(|text| !text.contains(canary)), "{canary}: {all:?}");
    }
}
