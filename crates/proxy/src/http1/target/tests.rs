//! Which authorities are hosts. Targets are tested with whole requests.

use super::*;

#[test]
fn hosts_with_and_without_ports_are_hosts() {
    for host in
        ["a", "A.b-c_d~e.", "10.0.0.1", "a:0", "a:65535", "[::1]", "[::ffff:1.2.3.4]:80", "*"]
    {
        assert_eq!(check_authority(host.as_bytes(), Port::Optional), Ok(()), "{host}");
    }
}

#[test]
fn everything_else_is_none() {
    let bad = [
        "",
        ":",
        ":80",
        "a:",
        "a:+1",
        "a:000080",
        "a:65536",
        "a b",
        "a\t",
        "a/",
        "a?",
        "a#",
        "u@a",
        "a\\b",
        "a,b",
        "a%41",
        "a|b",
        "a\"b",
        "a<b",
        "[",
        "[]",
        "[::1",
        "::1",
        "[::1]:",
        "[::1]a",
        "[::g]",
        "[v1.a]",
        "[::1%eth0]",
        "caf\u{e9}",
        "a\0",
        "a\r",
        "a\n",
    ];
    for host in bad {
        assert_eq!(
            check_authority(host.as_bytes(), Port::Optional),
            Err(Refusal::BadHost),
            "{host:?}"
        );
    }
}

#[test]
fn a_connect_target_needs_a_port() {
    assert_eq!(check_authority(b"a", Port::Required), Err(Refusal::BadHost));
    assert_eq!(check_authority(b"[::1]", Port::Required), Err(Refusal::BadHost));
    assert_eq!(check_authority(b"[::1]:1", Port::Required), Ok(()));
}
