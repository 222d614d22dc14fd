//! Names that change, fail, flap and have addresses of both families, as a gateway lives them.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::{Story, tutorial};
use crate::names::{A, AAAA, NO_SUCH_NAME, SERVER_FAILURE, Says};
use crate::program::{Program, eventually};
use crate::town::{Plan, Town};
use crate::web::Web;

pub(super) const STORIES: &[(&str, Story)] = &[
    ("a_name_that_moves_takes_its_requests_along", a_name_that_moves),
    ("a_name_that_fails_keeps_its_last_good_answer", a_name_that_fails),
    ("a_name_is_asked_for_once_by_the_whole_process", a_name_is_asked_for_once),
    ("a_name_with_no_life_time_is_no_storm", a_name_with_no_life_time),
    ("a_name_of_both_families_leads_to_ipv4", a_name_of_both_families),
];

const HOST: &str = "edition.cnn.com";
const URL: &str = "http://edition.cnn.com/";

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, last)
}

/// Two servers of the internet, at 203.0.113.10 and .20.
fn servers(town: &Town) -> [Web; 2] {
    let serve = |name, at| Web::serve(&town.internet, name, at);
    [serve("ten", "203.0.113.10:80"), serve("twenty", "203.0.113.20:80")]
}

fn who(town: &Town) -> String {
    // curl asks nobody: what is counted, and what fails, is the gateway's and the sidecar's.
    let seen = town.ask(&["--resolve", "edition.cnn.com:80:203.0.113.10", URL]);
    assert_eq!(seen.status, 200, "{seen:?}");
    seen.body.split(' ').next().unwrap_or_default().to_owned()
}

fn a_name_that_moves() {
    let objects = tutorial("s3-egress.yaml");
    let town = Plan::of(&objects).knowing(HOST, Says::addresses(&[address(10)])).build();
    let _servers = servers(&town);
    assert_eq!(who(&town), "ten", "the first answer was waited for");
    // It flaps, and no request fails for it.
    for (last, name) in [(20, "twenty"), (10, "ten"), (20, "twenty"), (10, "ten")] {
        town.name(HOST, last);
        eventually("requests go where the name leads now", || who(&town) == name);
    }
    let both = [address(10), address(20)];
    town.says(HOST, &Says::addresses(&both));
    eventually("both are used", || who(&town) == "twenty");
    eventually("both are used", || who(&town) == "ten");
}

fn a_name_that_fails() {
    let objects = tutorial("s3-egress.yaml");
    let town = Plan::of(&objects).knowing(HOST, Says::addresses(&[address(10)])).build();
    let _servers = servers(&town);
    assert_eq!(who(&town), "ten");
    let nobody = Says::Addresses { v4: Vec::new(), v6: Vec::new(), ttl: 1 };
    let failures = [Says::Fails(SERVER_FAILURE), Says::Fails(NO_SUCH_NAME), nobody, Says::Nothing];
    for failure in failures {
        let warnings = || town.gateway.log().matches("name not resolved").count();
        let before = warnings();
        town.says(HOST, &failure);
        eventually("it fails", || {
            assert_eq!(who(&town), "ten");
            warnings() > before
        });
        assert_eq!(who(&town), "ten");
        town.name(HOST, 10);
        let asked = town.names[0].questions(HOST, A);
        eventually("it is asked for again", || town.names[0].questions(HOST, A) > asked + 1);
    }
    town.name(HOST, 20);
    eventually("the failures are over", || who(&town) == "twenty");
}

/// Many clusters of one name: ports, and an entry whose endpoint has that name.
const OTHERS: &str = "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: other}
spec:
  hosts: [other.example]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 8080, name: more, protocol: HTTP}]
  resolution: DNS
  endpoints: [{address: edition.cnn.com, ports: {http: 81}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  hosts: [edition.cnn.com]
  gateways: [default/istio-egressgateway]
  http:
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: other.example, port: {number: 80}}}]
  - match: [{uri: {prefix: /b}}]
    route: [{destination: {host: other.example, port: {number: 8080}}}]
";

fn a_name_is_asked_for_once() {
    let lasting = Says::Addresses { v4: vec![address(10)], v6: Vec::new(), ttl: 120 };
    let objects = tutorial("s3-egress.yaml") + OTHERS;
    let town = Plan::of(&objects).gateway(&["--workers", "2"]).knowing(HOST, lasting).build();
    let _servers = servers(&town);
    let clusters = Program::page(&town.egress, "/clusters");
    let found = clusters.matches("::203.0.113.10:").count();
    assert!(found >= 2, "several clusters know the address: {clusters}");
    for _ in 0..20 {
        assert_eq!(who(&town), "ten");
    }
    // A change of everything but the name is no reason to ask, nor is one of its clusters.
    town.change("objects.yaml", &objects.replace("number: 8080", "number: 8081"));
    assert_eq!(who(&town), "ten");
    let asked = [A, AAAA].map(|kind| town.names[0].questions(HOST, kind));
    assert_eq!(asked, [1, 0]);
    assert_eq!(town.names[1].questions(HOST, A), 1, "the sidecar is a process of its own");
}

fn a_name_with_no_life_time() {
    let none = Says::Addresses { v4: vec![address(10)], v6: Vec::new(), ttl: 0 };
    let objects = tutorial("s3-egress.yaml");
    let began = Instant::now();
    let town = Plan::of(&objects).knowing(HOST, none).build();
    let _servers = servers(&town);
    for _ in 0..100 {
        assert_eq!(who(&town), "ten");
    }
    eventually("it is asked for again", || town.names[0].questions(HOST, A) > 2);
    town.says(HOST, &Says::Fails(SERVER_FAILURE));
    let failing = town.names[0].questions(HOST, AAAA);
    eventually("it fails", || town.names[0].questions(HOST, AAAA) > failing);
    for _ in 0..100 {
        assert_eq!(who(&town), "ten");
    }
    // At most one look-up a second, whatever the load; one that fails asks twice.
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("few") + 2;
    let asked = town.names[0].questions(HOST, A);
    assert!(asked <= 2 * seconds, "{asked} questions in {seconds} s");
}

fn a_name_of_both_families() {
    let objects = tutorial("s3-egress.yaml");
    let both = |v4: &[Ipv4Addr]| Says::Addresses {
        v4: v4.to_vec(),
        v6: vec!["2001:db8::20".parse().expect("an address")],
        ttl: 1,
    };
    let town = Plan::of(&objects).knowing(HOST, both(&[address(10)])).build();
    let _servers = servers(&town);
    let _six = Web::serve(&town.internet, "six", "[2001:db8::20]:80");
    for _ in 0..20 {
        assert_eq!(who(&town), "ten");
    }
    assert_eq!(town.names[0].questions(HOST, AAAA), 0, "nobody needs the other family");
    town.says(HOST, &both(&[]));
    eventually("IPv6 is used where it is all there is", || who(&town) == "six");
    town.says(HOST, &both(&[address(20)]));
    eventually("and IPv4 where it is back", || who(&town) == "twenty");
}
