//! Local replies, as sentences.

use std::collections::BTreeSet;

use crate::{Reason, grpc_status_of};

#[test]
fn all_reasons_are_listed_once() {
    let distinct: BTreeSet<_> = Reason::ALL.into_iter().collect();
    assert_eq!(distinct.len(), Reason::ALL.len());
    assert_eq!(Reason::ClientGone as usize + 1, Reason::ALL.len(), "the last reason is listed");
}

#[test]
fn a_broken_try_says_whether_it_was_retried() {
    let lead = "upstream connect error or disconnect/reset before headers. ";
    let once = Reason::ConnectFailure.body(false);
    assert_eq!(once, format!("{lead}reset reason: remote connection failure"));
    let again = Reason::UpstreamReset.body(true);
    let word = "retried and the latest reset reason: connection termination";
    assert_eq!(again, format!("{lead}{word}"));
}

#[test]
fn a_missing_route_or_cluster_has_no_body() {
    assert_eq!((Reason::NoRoute.status(), &*Reason::NoRoute.body(false)), (404, ""));
    assert_eq!((Reason::NoCluster.status(), &*Reason::NoCluster.body(false)), (503, ""));
}

#[test]
fn grpc_clients_get_the_status_that_envoy_maps() {
    assert_eq!(Reason::NoRoute.grpc_status(), 12);
    assert_eq!(Reason::Unenforced.grpc_status(), 7);
    assert_eq!(Reason::Timeout.grpc_status(), 14);
    assert_eq!(grpc_status_of(418), 2);
}

#[test]
fn every_reason_has_an_error_status_and_a_detail() {
    for reason in Reason::ALL {
        assert!((400..600).contains(&reason.status()), "{reason:?}");
        assert!(!reason.detail().is_empty() && !reason.detail().contains(' '), "{reason:?}");
        assert!(!reason.flag().is_empty(), "{reason:?}");
    }
}

#[test]
fn only_failed_tries_can_be_mended_and_none_of_them_closes_the_client() {
    for reason in Reason::ALL {
        if reason.failure().is_some() {
            assert!(reason.status() >= 500 && !reason.closes_connection(), "{reason:?}");
        }
    }
}
