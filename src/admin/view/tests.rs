//! Tests of what admin shows.

use std::time::Duration;

use super::{config, server_info};
use crate::status::{Phase, Served};

#[test]
fn before_the_first_configuration_nothing_is_served() {
    let json = config(&Served::default(), &[]);
    assert_eq!(json["generation"], 0);
    assert_eq!(json["listeners"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_server_tells_its_state_in_envoys_words() {
    let json = server_info(Phase::Live, Duration::from_secs(61), std::time::UNIX_EPOCH);
    assert_eq!(json["state"], "LIVE");
    assert_eq!(json["uptime_all_epochs"], "61s");
}
