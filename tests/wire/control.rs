//! The control side: readiness, admin, what the terminal says, and a port that is taken.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::eventually;
use crate::harness::gateway::{example, files, world};
use crate::harness::origin::Origin;
use crate::harness::ports;
use crate::harness::world::{every_host, everything_to, one_service};

#[test]
fn readiness_is_told_on_both_ports_and_only_on_its_path() {
    let gateway = world(&every_host()).start();
    for address in [gateway.ready, gateway.status] {
        gateway.control(address, "/healthz/ready").is(200).says("");
        gateway.control(address, "/nothing").is(404);
    }
}

#[test]
fn the_admin_page_shows_what_is_served() {
    let origin = Origin::says("ok");
    let gateway = world(&one_service(origin.port(), &everything_to("origin"))).start();
    gateway.get("/").is(200);
    let config = gateway.control(gateway.admin, "/config").is(200).text();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert!(config["generation"].is_number(), "{config}");
    assert!(config.to_string().contains("origin.default.svc.cluster.local"), "{config}");
    let stats = gateway.control(gateway.admin, "/stats").is(200).text();
    let total = stats.lines().find(|line| line.contains("downstream_rq_total"));
    assert!(total.is_some_and(|line| line.ends_with(": 1")), "{stats}");
}

#[test]
fn the_admin_port_answers_only_those_who_mean_it() {
    let gateway = world(&every_host()).start();
    let ask = |headers: &str| {
        let mut client = crate::harness::client::Client::connect(gateway.admin);
        client.send(format!("GET /config HTTP/1.1\r\n{headers}connection: close\r\n\r\n"));
        client.answer().status
    };
    assert_eq!(ask("host: localhost\r\n"), 200);
    assert!(ask("host: attacker.example\r\n") >= 400, "another name for this address");
    assert!(ask("host: localhost\r\norigin: https://attacker.example\r\n") >= 400, "another page");
}

#[test]
fn the_start_says_what_listens_where() {
    let gateway = example("httpbin").start();
    gateway.prints(&gateway.http().port().to_string());
    gateway.prints("httpbin-gateway");
    gateway.prints(&gateway.admin.to_string());
}

#[test]
fn a_port_that_another_process_holds_is_named_with_its_holder() {
    let holder = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let yaml = crate::harness::world::gateway("web", port, &["*"]);
    let gateway = files(&[("gateway.yaml", &yaml)]).ports(&[]).start_anyhow();
    gateway.prints(&format!("{port}"));
    gateway.prints(&std::process::id().to_string());
    assert!(gateway.log().to_lowercase().contains("in use"), "{}", gateway.log());
}

#[test]
fn a_port_that_becomes_free_is_taken_at_the_next_change() {
    let holder = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let direct = |status: u16| {
        crate::harness::world::gateway("web", port, &["*"])
            + &crate::harness::world::rules(
                "rules",
                "*",
                &format!("- directResponse: {{status: {status}}}"),
            )
    };
    let gateway = files(&[("world.yaml", &direct(200))]).ports(&[]).start_anyhow();
    gateway.prints(&format!("{port}"));
    drop(holder);
    gateway.replace("world.yaml", &direct(204));
    eventually("the port is taken", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}

#[test]
fn an_admin_port_given_by_hand_and_taken_is_an_error() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_propylon"))
        .args(["run", "examples/httpbin", "--admin", &taken])
        .args(["--port-map", &format!("80={}", ports::free())])
        .args(["--ready", "off", "--status", "off"])
        .current_dir(crate::harness::gateway::root())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--admin") && said.contains(&taken), "{said}");
}

#[test]
fn wrong_usage_exits_with_2() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_propylon")).args(["run", "--nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_directory_that_is_not_there_is_said_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_propylon"))
        .args(["check", "/nowhere/at/all"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all"));
}
