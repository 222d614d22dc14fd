//! Closing without losing the answer: a socket closed with unread bytes makes the kernel reset the
//! connection, and the client may lose what was sent to it.

use tokio::time::timeout;

use super::client::Client;
use crate::io::{Io, read};
use crate::limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT};

/// Says that nothing more follows, then reads and throws away for a bounded time and size.
pub(super) async fn linger<I: Io>(client: &Client<I>) {
    if client.io.shutdown_write().is_err() {
        return;
    }
    let mut buffer = client.caller.worker.buffers.small();
    let discard = async {
        let mut discarded = 0;
        while discarded < LINGER_BYTES_MAX {
            match read(&client.io, buffer.free_mut()).await {
                Ok(got) if got > 0 => discarded += got,
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER_TIMEOUT, discard).await;
    client.caller.worker.buffers.give_back(buffer);
}
