//! How much a peer may ask of us for nothing. Frames that cost work and move nothing (PING,
//! SETTINGS, resets …) draw on an allowance each; requests, answers and content fill it up again,
//! and so does time. The `h2` crate bounds memory by itself; most of these it only obeys.
//!
//! Where Envoy has a bound, its numbers are taken.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{FrameHead, Frames, kind};

/// Which end of the connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The peer asks and we answer.
    Server,
    /// We ask and the peer answers.
    Client,
}

/// What a peer sent too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flood {
    /// PING, or answers to it that nobody asked for.
    #[error("too many PING frames")]
    Ping,
    /// SETTINGS.
    #[error("too many SETTINGS frames")]
    Settings,
    /// WINDOW_UPDATE.
    #[error("too many WINDOW_UPDATE frames")]
    WindowUpdate,
    /// PRIORITY, and kinds that we do not know.
    #[error("too many PRIORITY or unknown frames")]
    Priority,
    /// RST_STREAM.
    #[error("too many RST_STREAM frames")]
    Reset,
    /// Frames that could carry something and do not.
    #[error("too many empty frames")]
    Empty,
    /// GOAWAY.
    #[error("too many GOAWAY frames")]
    GoAway,
    /// Interim responses, which no window bounds.
    #[error("too many HEADERS frames for the requests made")]
    Heads,
}

/// How an allowance starts, how far it may grow, and what it grows by.
#[derive(Debug, Clone, Copy, Default)]
struct Terms {
    start: u32,
    most: u32,
    /// Each second.
    second: u32,
    /// Each stream that was opened by whoever opens them.
    opened: u32,
    /// Each stream that whoever answers has ended.
    answered: u32,
    /// Each frame of content that we sent.
    sent: u32,
    /// Each frame of content that the peer sent.
    received: u32,
}

/// Each is answered with as many bytes. gRPC libraries measure the bandwidth with one for each
/// message they get. The start is Envoy's bound of control frames that wait to be written.
const PING: Terms =
    Terms { start: 1000, most: 1000, second: 20, opened: 0, answered: 0, sent: 1, received: 0 };

/// Each may change the windows of every stream, and is answered. Clients send one, some a few more.
const SETTINGS: Terms =
    Terms { start: 100, most: 100, second: 1, opened: 0, answered: 0, sent: 0, received: 0 };

/// Envoy's rule: two for each stream and twenty for each frame of content that gave rise to them.
const WINDOW_UPDATE: Terms = Terms {
    start: 1000,
    most: 100_000,
    second: 100,
    opened: 2,
    answered: 0,
    sent: 20,
    received: 0,
};

/// Envoy's rule: a hundred for each stream. Nothing comes of them.
const PRIORITY: Terms =
    Terms { start: 100, most: 100_000, second: 10, opened: 100, answered: 0, sent: 0, received: 0 };

/// Requests taken back before they are answered ("rapid reset"): Envoy ends a connection with more
/// than 500 of which half were. One answered request makes up for one taken back, so that clients
/// may ask two servers and keep the faster answer.
const RESET_OF_CLIENT: Terms =
    Terms { start: 500, most: 500, second: 100, opened: 0, answered: 1, sent: 0, received: 0 };

/// A server may refuse whatever it is asked.
const RESET_OF_SERVER: Terms = Terms { opened: 1, most: 2000, ..RESET_OF_CLIENT };

/// DATA that is empty and not the last, HEADERS and CONTINUATION without a byte. No client has a
/// reason to; Envoy allows one in a row, some libraries flush with one.
const EMPTY: Terms =
    Terms { start: 20, most: 20, second: 1, opened: 0, answered: 0, sent: 0, received: 1 };

/// One is enough to leave, two to leave with grace.
const GOAWAY: Terms =
    Terms { start: 10, most: 10, second: 1, opened: 0, answered: 0, sent: 0, received: 0 };

/// Heads of a server that end no stream: one for each request, and interim ones before it. Of those
/// more than sixteen are not passed on in any case.
const HEADS: Terms =
    Terms { start: 20, most: 20_000, second: 0, opened: 20, answered: 0, sent: 0, received: 0 };

/// What a peer may still send of one kind.
#[derive(Debug)]
struct Allowance {
    terms: Terms,
    left: u32,
    /// When time last added to it; asked only when it is used up.
    filled: Option<Instant>,
}

impl Allowance {
    fn new(terms: Terms) -> Self {
        Self { terms, left: terms.start, filled: None }
    }

    fn add(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(self.terms.most);
    }

    /// Takes one; false if there is none.
    fn take(&mut self, born: Instant, now: impl FnOnce() -> Instant) -> bool {
        if self.left == 0 {
            let now = now();
            let since = now.saturating_duration_since(self.filled.unwrap_or(born));
            let since = u32::try_from(since.as_millis()).unwrap_or(u32::MAX);
            let gained = u64::from(since) * u64::from(self.terms.second) / MILLIS_PER_SECOND;
            if gained == 0 {
                return false;
            }
            self.filled = Some(now);
            self.add(u32::try_from(gained).unwrap_or(u32::MAX));
        }
        self.left -= 1;
        true
    }
}

const MILLIS_PER_SECOND: u64 = Duration::from_secs(1).as_millis() as u64;

/// Weighs both directions of one connection.
#[derive(Debug)]
pub(super) struct Meter {
    role: Role,
    born: Instant,
    inbound: Frames,
    outbound: Frames,
    allowed: Allowed,
}

#[derive(Debug)]
struct Allowed {
    ping: Allowance,
    settings: Allowance,
    window_update: Allowance,
    priority: Allowance,
    reset: Allowance,
    empty: Allowance,
    go_away: Allowance,
    heads: Allowance,
}

/// What fills allowances up.
#[derive(Debug, Clone, Copy)]
enum Work {
    Opened,
    Answered,
    Sent,
    Received,
}

impl Meter {
    /// Weighs a connection that begins now.
    pub(super) fn new(role: Role, now: Instant) -> Self {
        let (inbound, outbound, reset) = match role {
            Role::Server => (Frames::of_client(), Frames::of_server(), RESET_OF_CLIENT),
            Role::Client => (Frames::of_server(), Frames::of_client(), RESET_OF_SERVER),
        };
        let allowed = Allowed {
            ping: Allowance::new(PING),
            settings: Allowance::new(SETTINGS),
            window_update: Allowance::new(WINDOW_UPDATE),
            priority: Allowance::new(PRIORITY),
            reset: Allowance::new(reset),
            empty: Allowance::new(EMPTY),
            go_away: Allowance::new(GOAWAY),
            heads: Allowance::new(HEADS),
        };
        Self { role, born: now, inbound, outbound, allowed }
    }

    /// Weighs what the peer sent.
    ///
    /// # Errors
    /// When it is too much: the connection must end.
    pub(super) fn read(&mut self, bytes: &[u8], now: impl Fn() -> Instant) -> Result<(), Flood> {
        let Self { role, born, inbound, allowed, .. } = self;
        let (opens, answers) = (*role == Role::Server, *role == Role::Client);
        inbound.walk(bytes, |head| {
            if head.kind == kind::HEADERS && opens {
                allowed.credit(Work::Opened);
            }
            if head.ends_stream() && answers {
                allowed.credit(Work::Answered);
            }
            if head.kind == kind::DATA && head.len > 0 {
                allowed.credit(Work::Received);
            }
            let Some((allowance, flood)) = allowed.draws_on(head, *role) else { return Ok(()) };
            if allowance.take(*born, &now) { Ok(()) } else { Err(flood) }
        })
    }

    /// Weighs what we sent.
    pub(super) fn wrote(&mut self, bytes: &[u8]) {
        let Self { role, outbound, allowed, .. } = self;
        let (opens, answers) = (*role == Role::Client, *role == Role::Server);
        let walked: Result<(), std::convert::Infallible> = outbound.walk(bytes, |head| {
            if head.kind == kind::HEADERS && opens {
                allowed.credit(Work::Opened);
            }
            if head.ends_stream() && answers {
                allowed.credit(Work::Answered);
            }
            if head.kind == kind::DATA && head.len > 0 {
                allowed.credit(Work::Sent);
            }
            Ok(())
        });
        let Ok(()) = walked;
    }
}

impl Allowed {
    /// What a frame of the peer's draws on; `None` for those that are work, and that the codec
    /// bounds.
    fn draws_on(&mut self, head: FrameHead, role: Role) -> Option<(&mut Allowance, Flood)> {
        match head.kind {
            kind::PING => Some((&mut self.ping, Flood::Ping)),
            kind::SETTINGS if head.is_settings_ack() => None,
            kind::SETTINGS => Some((&mut self.settings, Flood::Settings)),
            kind::WINDOW_UPDATE => Some((&mut self.window_update, Flood::WindowUpdate)),
            kind::RST_STREAM => Some((&mut self.reset, Flood::Reset)),
            kind::GOAWAY => Some((&mut self.go_away, Flood::GoAway)),
            kind::DATA if head.len > 0 || head.ends_stream() => None,
            kind::HEADERS if role == Role::Client && !head.ends_stream() => {
                Some((&mut self.heads, Flood::Heads))
            }
            kind::HEADERS | kind::CONTINUATION if head.len > 0 => None,
            kind::DATA | kind::HEADERS | kind::CONTINUATION => {
                Some((&mut self.empty, Flood::Empty))
            }
            // Refused by the codec.
            kind::PUSH_PROMISE => None,
            _ => Some((&mut self.priority, Flood::Priority)),
        }
    }

    fn credit(&mut self, work: Work) {
        let Self { ping, settings, window_update, priority, reset, empty, go_away, heads } = self;
        for allowance in [ping, settings, window_update, priority, reset, empty, go_away, heads] {
            let terms = &allowance.terms;
            let amount = match work {
                Work::Opened => terms.opened,
                Work::Answered => terms.answered,
                Work::Sent => terms.sent,
                Work::Received => terms.received,
            };
            if amount > 0 {
                allowance.add(amount);
            }
        }
    }
}

#[cfg(test)]
mod tests;
