//! Several processes that change one session file at once.

use std::io::Read as _;
use std::process::{Child, Command};

use personcert_local::{LocalGraph, Options};
use serde_json::json;

use crate::person::{PUBLIC, Person, Said, USER};

const ROUNDS: u32 = 12;

/// The command, signing in to a graph with a code that is approved already.
fn login(person: &Person, graph: &LocalGraph) -> Command {
    graph.command("approve", &json!({"user": USER})).expect("the command");
    let mut command = at(person, graph, "login");
    command.args(["--sign-in", "device-code", "--client-id", PUBLIC]);
    command
}

fn at(person: &Person, graph: &LocalGraph, name: &str) -> Command {
    let mut command = person.command(&[name]);
    command.env("PERSONCERT_BASE_URL", graph.url()).env("PERSONCERT_AUTHORITY", graph.url());
    command
}

fn run(mut command: Command) -> Said {
    Said::of(command.output().expect("the command runs"))
}

fn end(child: Child) -> Said {
    Said::of(child.wait_with_output().expect("it ends"))
}

#[test]
fn two_sign_ins_and_a_logout_at_once_leave_what_each_of_them_wrote() {
    let person = Person::new();
    let graphs: Vec<_> = (0..3).map(|_| LocalGraph::start(Options::default()).expect("a local Graph")).collect();
    for round in 0..ROUNDS {
        let said = run(login(&person, &graphs[2]));
        assert_eq!(said.code, 0, "{said:?}");
        let mut commands = [login(&person, &graphs[0]), login(&person, &graphs[1]), at(&person, &graphs[2], "logout")];
        let children = commands.each_mut().map(|command| command.spawn().expect("the command runs"));
        for said in children.map(end) {
            assert_eq!(said.code, 0, "round {round}: {said:?}");
        }
        let codes = [0, 1, 2].map(|n: usize| run(at(&person, &graphs[n], "whoami")).code);
        assert_eq!(codes, [0, 0, 4], "round {round}");
        for graph in &graphs[..2] {
            assert_eq!(run(at(&person, graph, "logout")).code, 0, "round {round}");
        }
    }
}

#[test]
fn a_process_that_is_killed_while_it_holds_the_lock_releases_it() {
    let person = Person::new();
    person.sign_in();
    let lock = person.file().with_extension("json.lock");
    // Another program that takes the lock and stays.
    let script = format!("exec 9>>'{}'; flock 9; echo locked; exec sleep 600", lock.display());
    let mut holder = Command::new("sh").args(["-c", &script]).stdout(std::process::Stdio::piped()).spawn().expect("sh");
    let mut line = [0; 7];
    holder.stdout.take().expect("its output").read_exact(&mut line).expect("a line");
    let logout = person.command(&["logout"]).spawn().expect("the command runs");
    holder.kill().expect("it is killed");
    holder.wait().expect("it ends");
    let said = end(logout);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(person.run(&["whoami"]).code, 4);
}
