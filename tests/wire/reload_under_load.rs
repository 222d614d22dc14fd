//! Reloads while clients hammer: a changed, added, removed and broken file, and not one request
//! that fails or goes astray. Bounded by counts, never by time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files};
use crate::harness::origin::{Origin, Received, ok};
use crate::harness::world::{every_host, everything_to, rules, service};

/// Clients that hammer at the same time, each over one kept connection.
const CLIENTS: usize = 6;

/// Rounds of change, each a changed, added, removed and broken file.
const ROUNDS: usize = 5;

/// A rule file whose answer says which version of it was in force.
fn versioned(version: usize) -> String {
    rules(
        "steady",
        "steady.example",
        &format!(
            "
             - headers: {{request: {{set: {{x-version: \"{version}\"}}}}}}
               route: [{{destination: {{host: origin}}}}]"
        ),
    )
}

fn other(version: usize) -> String {
    rules("other", "other.example", &format!("- directResponse: {{status: {}}}", 410 + version))
}

fn echo(received: &Received) -> String {
    let version = received.header("x-version").unwrap_or("none");
    ok(&format!("{} {version}", received.target()))
}

/// One client's life: requests until the changes are over, each judged.
fn hammer(gateway: &Gateway, number: usize, over: &AtomicBool, live: &AtomicUsize) -> usize {
    let mut client = gateway.connect();
    let mut count = 0;
    while !over.load(Ordering::Acquire) {
        let target = format!("/{number}/{count}");
        let oldest = live.load(Ordering::Acquire);
        client.send(format!("GET {target} HTTP/1.1\r\nhost: steady.example\r\n\r\n"));
        let answer = client.answer().is(200).has_no("connection");
        let body = answer.text();
        let (path, version) = body.split_once(' ').expect("path and version");
        assert_eq!(path, target, "an answer went astray");
        let version: usize = version.parse().expect("a version");
        assert!(version >= oldest, "version {version} after {oldest} was live");
        count += 1;
    }
    count
}

/// Changes files round after round, each change seen to be live before the next.
fn change(gateway: &Gateway, live: &AtomicUsize) {
    for round in 1..=ROUNDS {
        gateway.replace("steady.yaml", &versioned(round));
        eventually("the changed file is live", || {
            let body = gateway.get_from("steady.example", "/").is(200).text();
            body.ends_with(&format!(" {round}"))
        });
        live.store(round, Ordering::Release);
        gateway.write("other.yaml", &other(round));
        eventually("the added file is live", || {
            usize::from(gateway.get_from("other.example", "/").status) == 410 + round
        });
        gateway.write("steady.yaml", "kind: VirtualService\nspec: {hosts: [\n");
        gateway.write("broken.yaml", &rules("broken", "*", "- rout: []"));
        gateway.prints("broken.yaml:");
        gateway.remove("other.yaml");
        eventually("the removed file is gone", || {
            gateway.get_from("other.example", "/").status == 404
        });
        gateway.remove("broken.yaml");
    }
}

#[test]
fn no_request_fails_or_goes_astray_while_files_change() {
    let origin = Origin::replies(echo);
    let world = every_host() + &service("origin", origin.port());
    let gateway = files(&[("world.yaml", &world), ("steady.yaml", &versioned(0))]).start();
    let (over, live) = (AtomicBool::new(false), AtomicUsize::new(0));
    let total: usize = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (gateway, over, live) = (&gateway, &over, &live);
                scope.spawn(move || hammer(gateway, number, over, live))
            })
            .collect();
        let changes = scope.spawn(|| change(&gateway, &live));
        let outcome = changes.join();
        over.store(true, Ordering::Release);
        let total = clients.into_iter().map(|client| client.join().expect("a client failed")).sum();
        outcome.expect("a change failed");
        total
    });
    assert!(total > CLIENTS * ROUNDS, "only {total} requests were made");
    let closed = origin.connections();
    assert!(closed <= CLIENTS * 2 + 2 * ROUNDS * 40, "{closed} upstream connections");
}

#[test]
fn a_long_answer_that_began_before_a_reload_ends_whole_after_it() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Origin::talks(move |conversation| {
        conversation.request()?;
        conversation.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")?;
        let _ = wait.lock().unwrap().recv();
        conversation.write("world")
    });
    let world = every_host() + &service("origin", origin.port());
    let rules = rules("rules", "*", &everything_to("origin"));
    let gateway = files(&[("world.yaml", &world), ("rules.yaml", &rules)]).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.head().unwrap();
    gateway.remove("rules.yaml");
    gateway.remove("world.yaml");
    eventually("nothing is served", || std::net::TcpStream::connect(gateway.http()).is_err());
    release.send(()).unwrap();
    assert_eq!(client.bytes(10), b"helloworld");
}
