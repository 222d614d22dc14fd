//! How a try ended, and what that leaves of the client's connection: the same whichever protocol
//! the endpoint speaks.

use propylon_snapshot::Reason;

use super::downstream::{After, Downstream, Interrupt, Progress};

/// How a try ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// The client has its answer, or as much as could be given.
    Done(After),
    /// There is an answer that the retry policy does not want.
    Declined,
    /// There is no response head.
    Failed {
        /// Why.
        reason: Reason,
        /// Whether any byte of the request was written.
        started: bool,
    },
    /// Something beside the try ended it.
    Interrupted(Interrupt),
}

impl End {
    /// The answer was given whole. `keep` is what the client was told of its connection, which can
    /// only carry on if its request was read to the end.
    pub(super) fn whole(keep: bool, progress: &Progress) -> Self {
        Self::Done(match (keep, progress.finished.get()) {
            (true, true) => After::Keep,
            (false, true) => After::Close,
            (_, false) => After::Linger,
        })
    }

    /// The client is not there any more.
    pub(super) fn gone<D: Downstream>(down: &D) -> Self {
        down.caller().count_gone();
        Self::Done(After::Close)
    }

    /// The answer broke off: its connection is broken off, too, as it must not look whole.
    pub(super) fn cut<D: Downstream>(down: &D) -> Self {
        down.caller().worker.counters.responses_cut.add(1);
        down.abort();
        Self::Done(After::Close)
    }

    /// Something ended the try when a part of an interim response had left; nothing can be written
    /// behind that.
    pub(super) fn amid<D: Downstream>(down: &D, interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::ClientGone => Self::gone(down),
            _ => Self::cut(down),
        }
    }
}
