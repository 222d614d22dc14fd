//! When session tickets leave.

use std::io::{IoSlice, Write};
use std::pin::pin;
use std::task::{Context, Waker};

use rustls::ClientConnection;

use super::super::stream::tests::{Line, feed, strangers, waiting};
use super::*;

/// Takes the client to its last message, which is not sent yet.
fn nearly_there(line: &Line, session: &mut Connection) -> ClientConnection {
    let Connection::Server(server) = session else { unreachable!("a server's session") };
    let (mut client, stranger) = strangers();
    *server = stranger;
    line.arrived.borrow_mut().extend(waiting(&mut client));
    assert!(poll_complete(line, session).is_pending());
    feed(&std::mem::take(&mut *line.sent.borrow_mut()), |from| client.read_tls(from).unwrap());
    client.process_new_packets().unwrap();
    client
}

fn poll_complete(line: &Line, session: &mut Connection) -> Poll<bool> {
    let mut cx = Context::from_waker(Waker::noop());
    pin!(complete(line, session)).poll(&mut cx).map(|done| done.is_ok())
}

fn session() -> Connection {
    Connection::Server(strangers().1)
}

#[test]
fn tickets_leave_at_once_while_nothing_is_asked() {
    let (line, mut session) = (Line::default(), session());
    let mut client = nearly_there(&line, &mut session);
    line.arrived.borrow_mut().extend(waiting(&mut client));
    assert_eq!(poll_complete(&line, &mut session), Poll::Ready(true));
    feed(&line.sent.borrow(), |from| client.read_tls(from).unwrap());
    client.process_new_packets().unwrap();
    assert_eq!(client.tls13_tickets_received(), 2);
}

#[test]
fn tickets_leave_with_the_answer_to_a_request_that_came_with_the_handshakes_end() {
    let (line, mut session) = (Line::default(), session());
    let mut client = nearly_there(&line, &mut session);
    client.writer().write_all(b"question").unwrap();
    line.arrived.borrow_mut().extend(waiting(&mut client));
    assert_eq!(poll_complete(&line, &mut session), Poll::Ready(true));
    assert!(line.sent.borrow().is_empty());

    let writes = line.writes.get();
    let stream = TlsStream::new(line, session).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut buf = [0; 8192];
    assert!(matches!(stream.poll_read(&mut cx, &mut buf), Poll::Ready(Ok(8))));
    assert!(stream.poll_write(&mut cx, &[IoSlice::new(b"answer")]).is_ready());
    assert!(stream.poll_flush(&mut cx).is_ready());
    assert_eq!(stream.below().writes.get(), writes + 1);

    feed(&stream.below().sent.borrow(), |from| client.read_tls(from).unwrap());
    let state = client.process_new_packets().unwrap();
    assert_eq!(state.plaintext_bytes_to_read(), 6);
    assert_eq!(client.tls13_tickets_received(), 2);
}
