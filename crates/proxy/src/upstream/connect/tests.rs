//! What the kernel is asked for.

use super::*;

#[tokio::test]
async fn the_kernel_is_told_each_value_of_keep_alive_that_is_set() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let untouched = SockRef::from(&socket).tcp_keepalive_retries().unwrap();
    let time = Some(Duration::from_secs(61));
    keep_alive(&socket, Keepalive { probes: None, time, interval: None }).unwrap();
    let seen = SockRef::from(&socket);
    assert!(seen.keepalive().unwrap());
    assert_eq!(seen.tcp_keepalive_time().unwrap(), Duration::from_secs(61));
    assert_eq!(seen.tcp_keepalive_retries().unwrap(), untouched);
    let interval = Some(Duration::from_secs(7));
    keep_alive(&socket, Keepalive { probes: Some(2), time, interval }).unwrap();
    assert_eq!(seen.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
    assert_eq!(seen.tcp_keepalive_retries().unwrap(), 2);
}
