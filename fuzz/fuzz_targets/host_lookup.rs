//! An authority and the hosts of a route table.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_snapshot::fuzz_host_lookup(bytes));
