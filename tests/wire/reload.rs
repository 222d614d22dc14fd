//! Reloads, one at a time: a changed, added, removed and broken file, and what is said about each.

use std::net::TcpStream;

use crate::harness::eventually;
use crate::harness::gateway::{Gateway, files};
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, everything_to, gateway as gateway_of, rules, service};

/// A gateway whose rules stand in a file of their own, and the origin behind it.
fn serving() -> (Gateway, Origin) {
    let origin = Origin::says("ok");
    let world = every_host() + &service("origin", origin.port());
    let rules = rules("rules", "*", &everything_to("origin"));
    (files(&[("world.yaml", &world), ("rules.yaml", &rules)]).start(), origin)
}

fn direct(status: u16) -> String {
    rules("rules", "*", &format!("- directResponse: {{status: {status}}}"))
}

#[test]
fn a_changed_file_is_live_and_one_line_says_so() {
    let (gateway, _origin) = serving();
    gateway.get("/").is(200);
    gateway.write("rules.yaml", &direct(418));
    eventually("the change is live", || gateway.get("/").status == 418);
    gateway.prints("generation ");
    eventually("the line is there", || gateway.reloads() >= 1);
}

#[test]
fn a_file_renamed_into_place_is_live() {
    let (gateway, _origin) = serving();
    gateway.replace("rules.yaml", &direct(418));
    eventually("the change is live", || gateway.get("/").status == 418);
}

#[test]
fn an_added_file_is_live_and_a_removed_one_is_gone() {
    let (gateway, _origin) = serving();
    let more = rules("more", "more.example", "- directResponse: {status: 418}");
    gateway.write("more.yaml", &more);
    eventually("the file is live", || gateway.get_from("more.example", "/").status == 418);
    gateway.remove("more.yaml");
    eventually("the file is gone", || gateway.get_from("more.example", "/").status == 200);
}

#[test]
fn ports_open_and_close_while_it_runs() {
    let origin = Origin::says("ok");
    let world = every_host()
        + &service("origin", origin.port())
        + &rules("rules", "*", &everything_to("origin"));
    let gateway = files(&[("world.yaml", &world)]).ports(&[80, 8080]).start();
    let address = gateway.address(8080);
    assert!(TcpStream::connect(address).is_err());
    gateway.write("second.yaml", &gateway_of("second", 8080, &["*"]));
    eventually("the port opens", || TcpStream::connect(address).is_ok());
    gateway.remove("second.yaml");
    eventually("the port closes", || TcpStream::connect(address).is_err());
    gateway.get("/").is(200);
}

#[test]
fn a_broken_object_keeps_its_last_good_version_and_is_shown_with_its_place() {
    let (gateway, _origin) = serving();
    gateway.get("/").is(200);
    let broken = rules("rules", "*", "- rout:\n  - destination: {host: origin}");
    gateway.write("rules.yaml", &broken);
    gateway.prints("rules.yaml:");
    let line = broken.lines().position(|line| line.contains("rout:")).unwrap() + 1;
    gateway.prints(&format!("rules.yaml:{line}:5"));
    gateway.prints("- rout:");
    gateway.prints("route");
    for _ in 0..10 {
        gateway.get("/").is(200).says("ok");
    }
    gateway.write("rules.yaml", &direct(418));
    eventually("the mended file is live", || gateway.get("/").status == 418);
}

#[test]
fn a_file_that_is_no_yaml_changes_nothing() {
    let (gateway, _origin) = serving();
    gateway.write("rules.yaml", "apiVersion: networking.istio.io/v1\nkind: [unclosed\n");
    gateway.prints("rules.yaml:");
    for _ in 0..10 {
        gateway.get("/").is(200).says("ok");
    }
}

#[test]
fn an_object_with_a_wrong_value_costs_its_own_effect_only() {
    let (gateway, _origin) = serving();
    let sibling = rules("sibling", "sibling.example", "- directResponse: {status: 418}");
    let wrong = rules("rules", "*", "- directResponse: {status: 9999}");
    gateway.write("rules.yaml", &(wrong + &sibling));
    eventually("the sibling is live", || gateway.get_from("sibling.example", "/").status == 418);
    gateway.get("/").is(200).says("ok");
    gateway.prints("status");
}

#[test]
fn endpoints_change_without_a_lost_request() {
    let (one, two) = (Origin::says("one"), Origin::says("two"));
    let rules = every_host() + &rules("rules", "*", &everything_to("origin"));
    let gateway =
        files(&[("rules.yaml", &rules), ("service.yaml", &service("origin", one.port()))]).start();
    let mut client = gateway.connect();
    let mut body = move || {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is(200).text()
    };
    assert_eq!(body(), "one");
    gateway.replace("service.yaml", &service("origin", two.port()));
    eventually("the new endpoint serves", || body() == "two");
    assert_eq!(body(), "two");
}

#[test]
fn a_change_that_changes_nothing_is_no_generation() {
    let (gateway, _origin) = serving();
    gateway.get("/").is(200);
    let commented = format!("# a comment\n{}", gateway.file("rules.yaml"));
    gateway.write("rules.yaml", &commented);
    gateway.write("more.yaml", &rules("more", "more.example", "- directResponse: {status: 418}"));
    eventually("a later change is live", || gateway.get_from("more.example", "/").status == 418);
    gateway.get("/").is(200);
    assert!(gateway.reloads() <= 2, "{}", gateway.log());
}

#[test]
fn a_hangup_reads_the_files_again() {
    let (gateway, _origin) = serving();
    gateway.signal("HUP");
    gateway.get("/").is(200);
    gateway.write("rules.yaml", &direct(418));
    gateway.signal("HUP");
    eventually("the change is live", || gateway.get("/").status == 418);
}

#[test]
fn a_directory_that_kubelet_swaps_is_live() {
    let one = every_host() + &direct(200);
    let gateway = files(&[]).mounted(&[("world.yaml", &one)]).start();
    gateway.get("/").is(200);
    gateway.swap(&[("world.yaml", &(every_host() + &direct(418)))]);
    eventually("the swapped files are live", || gateway.get("/").status == 418);
}

#[test]
fn a_file_that_is_emptied_before_it_is_written_again_loses_nothing() {
    let (gateway, _origin) = serving();
    let more = |status: u16| {
        rules("more", "more.example", &format!("- directResponse: {{status: {status}}}"))
    };
    // Each round truncates one file and, in that moment, makes the other one be read.
    for round in 0..20 {
        let rules = gateway.file("rules.yaml");
        gateway.write("more.yaml", &more(400 + round));
        gateway.write("rules.yaml", "");
        gateway.signal("HUP");
        gateway.get("/").is(200).says("ok");
        gateway.write("rules.yaml", &rules);
    }
    eventually("the last round is live", || gateway.get_from("more.example", "/").status == 419);
    gateway.get("/").is(200).says("ok");
}

#[test]
fn a_broken_file_with_the_mesh_s_settings_leaves_them_in_force() {
    let origin = Origin::says("ok");
    let mesh = "apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    pathNormalization: {normalization: MERGE_SLASHES}
";
    let world = every_host()
        + &service("origin", origin.port())
        + &rules("rules", "*", &everything_to("origin"));
    let gateway = files(&[("world.yaml", &world), ("mesh.yaml", mesh)]).start();
    let seen = || {
        gateway.get("//a").is(200);
        origin.last().target().to_owned()
    };
    assert_eq!(seen(), "/a");
    gateway.write("mesh.yaml", "apiVersion: v1\nkind: [ConfigMap\n");
    gateway.prints("mesh.yaml:");
    gateway.write("more.yaml", &rules("more", "more.example", "- directResponse: {status: 418}"));
    eventually("a later change is live", || gateway.get_from("more.example", "/").status == 418);
    assert_eq!(seen(), "/a");
    gateway.write("mesh.yaml", &mesh.replace("MERGE_SLASHES", "BASE"));
    eventually("the mended file is live", || seen() == "//a");
}
