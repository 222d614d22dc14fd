//! Which floods are told from which honest traffic. Time is an argument.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::PREFACE;
use super::{Flood, Meter, Role, kind};

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const PRIORITY: u8 = 2;

/// A connection between a client, whose bytes are weighed, and us.
struct Talk {
    meter: Meter,
    now: Instant,
}

impl Talk {
    fn with_client() -> Self {
        let now = Instant::now();
        let mut meter = Meter::new(Role::Server, now);
        assert_eq!(meter.read(PREFACE, || now), Ok(()));
        Self { meter, now }
    }

    fn with_server() -> Self {
        let now = Instant::now();
        let mut meter = Meter::new(Role::Client, now);
        meter.wrote(PREFACE);
        Self { meter, now }
    }

    fn hears(&mut self, kind: u8, flags: u8, len: usize) -> Result<(), Flood> {
        self.meter.read(&frame(kind, flags, len), || self.now)
    }

    fn says(&mut self, kind: u8, flags: u8, len: usize) {
        self.meter.wrote(&frame(kind, flags, len));
    }

    fn passes(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// How many such frames are heard before it is a flood, and of what.
    fn floods_after(&mut self, kind: u8, flags: u8, len: usize) -> (usize, Flood) {
        (0..1_000_000)
            .find_map(|count| self.hears(kind, flags, len).err().map(|flood| (count, flood)))
            .unwrap_or_else(|| unreachable!("never a flood"))
    }
}

fn frame(kind: u8, flags: u8, len: usize) -> Vec<u8> {
    let mut frame = vec![0, (len >> 8) as u8, len as u8, kind, flags, 0, 0, 0, 1];
    frame.resize(frame.len() + len, 0);
    frame
}

#[test]
fn each_flood_is_found_and_named() {
    let cases = [
        (kind::PING, 0, 8, 1000, Flood::Ping),
        (kind::PING, ACK, 8, 1000, Flood::Ping),
        (kind::SETTINGS, 0, 6, 100, Flood::Settings),
        (kind::WINDOW_UPDATE, 0, 4, 1000, Flood::WindowUpdate),
        (PRIORITY, 0, 5, 100, Flood::Priority),
        (0x10, 0, 5, 100, Flood::Priority),
        (0xee, 0, 0, 100, Flood::Priority),
        (kind::RST_STREAM, 0, 4, 500, Flood::Reset),
        (kind::DATA, 0, 0, 20, Flood::Empty),
        (kind::HEADERS, 0, 0, 20, Flood::Empty),
        (kind::CONTINUATION, 0, 0, 20, Flood::Empty),
        (kind::GOAWAY, 0, 8, 10, Flood::GoAway),
    ];
    for (kind, flags, len, count, flood) in cases {
        let found = Talk::with_client().floods_after(kind, flags, len);
        assert_eq!(found, (count, flood), "kind {kind}");
    }
}

#[test]
fn requests_taken_back_at_once_are_a_flood() {
    let mut talk = Talk::with_client();
    let rounds = (0..).find(|_| {
        assert_eq!(talk.hears(kind::HEADERS, 5, 40), Ok(()));
        talk.hears(kind::RST_STREAM, 0, 4).is_err()
    });
    assert_eq!(rounds, Some(500));
}

#[test]
fn as_many_requests_may_be_taken_back_as_are_answered() {
    let mut talk = Talk::with_client();
    for _ in 0..100_000 {
        for _ in 0..2 {
            assert_eq!(talk.hears(kind::HEADERS, 5, 40), Ok(()));
        }
        talk.says(kind::HEADERS, 4, 40);
        talk.says(kind::DATA, END_STREAM, 10);
        assert_eq!(talk.hears(kind::RST_STREAM, 0, 4), Ok(()));
    }
}

#[test]
fn confirmed_settings_and_last_empty_frames_are_no_flood() {
    let mut talk = Talk::with_client();
    for _ in 0..100_000 {
        assert_eq!(talk.hears(kind::SETTINGS, ACK, 0), Ok(()));
        assert_eq!(talk.hears(kind::HEADERS, 4, 30), Ok(()));
        assert_eq!(talk.hears(kind::DATA, END_STREAM, 0), Ok(()));
    }
}

#[test]
fn many_small_messages_both_ways_with_their_window_updates_and_pings_are_no_flood() {
    let mut talk = Talk::with_client();
    assert_eq!(talk.hears(kind::HEADERS, 4, 100), Ok(()));
    for _ in 0..40_000 {
        assert_eq!(talk.hears(kind::DATA, 0, 7), Ok(()));
        talk.says(kind::DATA, 0, 7);
        for _ in 0..4 {
            assert_eq!(talk.hears(kind::WINDOW_UPDATE, 0, 4), Ok(()));
        }
        // The estimate of the bandwidth that gRPC libraries make.
        assert_eq!(talk.hears(kind::PING, 0, 8), Ok(()));
    }
}

#[test]
fn a_few_priorities_for_each_stream_are_no_flood() {
    let mut talk = Talk::with_client();
    for _ in 0..50_000 {
        assert_eq!(talk.hears(kind::HEADERS, 5, 40), Ok(()));
        for _ in 0..20 {
            assert_eq!(talk.hears(PRIORITY, 0, 5), Ok(()));
        }
    }
}

#[test]
fn time_makes_up_for_what_was_used() {
    let mut talk = Talk::with_client();
    for _ in 0..1000 {
        assert_eq!(talk.hears(kind::PING, 0, 8), Ok(()));
    }
    talk.passes(1000);
    assert_eq!(talk.floods_after(kind::PING, 0, 8), (20, Flood::Ping));
}

#[test]
fn a_ping_now_and_then_is_none_in_years() {
    let mut talk = Talk::with_client();
    for _ in 0..10_000 {
        talk.passes(30_000);
        assert_eq!(talk.hears(kind::PING, 0, 8), Ok(()));
    }
}

#[test]
fn a_server_may_refuse_whatever_it_is_asked_but_no_more() {
    let mut talk = Talk::with_server();
    for _ in 0..10_000 {
        talk.says(kind::HEADERS, 5, 40);
        assert_eq!(talk.hears(kind::RST_STREAM, 0, 4), Ok(()));
    }
    assert_eq!(talk.floods_after(kind::RST_STREAM, 0, 4), (500, Flood::Reset));
}

#[test]
fn a_server_may_send_some_interim_heads_for_each_request() {
    let mut talk = Talk::with_server();
    for _ in 0..1000 {
        talk.says(kind::HEADERS, 5, 40);
        for _ in 0..17 {
            assert_eq!(talk.hears(kind::HEADERS, 4, 40), Ok(()));
        }
        assert_eq!(talk.hears(kind::HEADERS, 5, 40), Ok(()));
    }
    let mut talk = Talk::with_server();
    talk.says(kind::HEADERS, 5, 40);
    assert_eq!(talk.floods_after(kind::HEADERS, 4, 40), (40, Flood::Heads));
}

#[test]
fn a_server_may_widen_its_window_for_what_it_is_sent() {
    let mut talk = Talk::with_server();
    talk.says(kind::HEADERS, 4, 40);
    for _ in 0..100_000 {
        talk.says(kind::DATA, 0, 100);
        for _ in 0..2 {
            assert_eq!(talk.hears(kind::WINDOW_UPDATE, 0, 4), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_weigh_the_same_however_they_are_split(
        bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(6), any::<u8>()], 0..1024),
    ) {
        crate::http2::fuzz_frames(&bytes, Instant::now());
    }

    #[test]
    fn frames_are_found_behind_payloads_of_any_length(
        frames in proptest::collection::vec((0_u8..12, 0_usize..600), 1..40),
        portion in 1_usize..700,
    ) {
        let bytes: Vec<u8> =
            frames.iter().flat_map(|(kind, len)| frame(*kind, 0, *len)).collect();
        let mut found = Vec::new();
        let mut walker = super::Frames::of_server();
        for part in bytes.chunks(portion) {
            let walked: Result<(), ()> = walker.walk(part, |head| {
                found.push((head.kind, head.len));
                Ok(())
            });
            prop_assert!(walked.is_ok());
        }
        prop_assert_eq!(found, frames);
    }
}
