//! Authorities that an explicit proxy is told.

use super::*;

#[test]
fn an_authority_is_a_host_and_a_port() {
    assert_eq!(host_and_port("a.com", 80), Some(("a.com", 80)));
    assert_eq!(host_and_port("a.com:8080", 80), Some(("a.com", 8080)));
    assert_eq!(host_and_port("[fd00::1]:8080", 80), Some(("[fd00::1]", 8080)));
    assert_eq!(host_and_port("[fd00::1]", 80), Some(("[fd00::1]", 80)));
    assert_eq!(host_and_port("a.com:http", 80), None);
    assert_eq!(host_and_port("a.com:70000", 80), None);
}
