//! What of a DestinationRule reaches handshakes is tested by golden files; here the lists.

use super::*;

#[test]
fn what_is_not_known_is_left_out_and_repetitions_count_once() {
    let names = ["P-256", "P-521", "X25519", "P-256"].map(str::to_owned);
    assert_eq!(known(&names, TlsGroup::parse), [TlsGroup::P256, TlsGroup::X25519]);
}
