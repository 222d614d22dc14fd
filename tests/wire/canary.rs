//! Canary releases: subsets of one service by label, divided by weight and by header, while the
//! weights change.

use crate::harness::gateway::{Gateway, world};
use crate::harness::origin::Origin;
use crate::harness::world::{every_host, rules, versions};

/// Requests per measurement. One in ten of them is 200 with a deviation of 13: the bounds below are
/// seven of these away.
const REQUESTS: usize = 2000;

/// What a share of one in ten may come to.
const TENTH: std::ops::RangeInclusive<usize> = 100..=300;

fn subsets() -> &'static str {
    "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin}
spec:
  host: httpbin
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
"
}

fn divided(old: u32, new: u32) -> String {
    let route = format!(
        "
         - match: [{{headers: {{x-canary: {{exact: \"yes\"}}}}}}]
           route: [{{destination: {{host: httpbin, subset: v2}}}}]
         - route:
           - {{destination: {{host: httpbin, subset: v1}}, weight: {old}}}
           - {{destination: {{host: httpbin, subset: v2}}, weight: {new}}}"
    );
    rules("httpbin", "*", &route)
}

struct Release {
    old: Origin,
    new: Origin,
    gateway: Gateway,
}

impl Release {
    fn start(old_share: u32, new_share: u32) -> Self {
        let (old, new) = (Origin::says("old"), Origin::says("new"));
        let yaml = Self::yaml(&old, &new, old_share, new_share);
        Self { gateway: world(&yaml).start(), old, new }
    }

    fn yaml(old: &Origin, new: &Origin, old_share: u32, new_share: u32) -> String {
        let ports = [("v1", old.port()), ("v2", new.port())];
        every_host() + &versions("httpbin", &ports) + subsets() + &divided(old_share, new_share)
    }

    fn divide(&self, old_share: u32, new_share: u32) {
        let before = self.gateway.reloads();
        let yaml = Self::yaml(&self.old, &self.new, old_share, new_share);
        self.gateway.replace("world.yaml", &yaml);
        self.gateway.reloads_after(before);
    }

    /// How many of the requests with these lines the new version gets.
    fn share_of_new(&self, lines: &str) -> usize {
        self.old.take();
        self.new.take();
        let mut client = self.gateway.connect();
        for _ in 0..REQUESTS {
            client.send(format!("GET /status/200 HTTP/1.1\r\nhost: a\r\n{lines}\r\n"));
            client.answer().is(200);
        }
        let new = self.new.take().len();
        assert_eq!(self.old.take().len() + new, REQUESTS);
        new
    }
}

#[test]
fn weights_divide_requests_between_subsets_and_a_header_overrides_them() {
    let release = Release::start(90, 10);
    let share = release.share_of_new("");
    assert!(TENTH.contains(&share), "{share} of {REQUESTS}");
    assert_eq!(release.share_of_new("x-canary: yes\r\n"), REQUESTS);
    let share = release.share_of_new("x-canary: no\r\n");
    assert!(TENTH.contains(&share), "{share} of {REQUESTS}");
}

#[test]
fn a_release_goes_from_none_to_all_without_a_failed_request() {
    let release = Release::start(100, 0);
    assert_eq!(release.share_of_new(""), 0, "a weight of 0 beside others is nothing");
    release.divide(90, 10);
    let share = release.share_of_new("");
    assert!(TENTH.contains(&share), "{share} of {REQUESTS}");
    release.divide(1, 9);
    let share = REQUESTS - release.share_of_new("");
    assert!(TENTH.contains(&share), "{share} of {REQUESTS} where weights are 1 and 9");
    release.divide(0, 100);
    assert_eq!(release.share_of_new(""), REQUESTS);
    // Subsets keep their connections while weights change: one a worker, and one for the other.
    assert!(release.old.connections() <= 4, "{}", release.old.connections());
    assert!(release.new.connections() <= 8, "{}", release.new.connections());
}
