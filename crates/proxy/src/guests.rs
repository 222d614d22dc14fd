//! The client connections of one worker: who is idle since when, and how to ask one to leave.
//! Idle timeouts are a coarse sweep over this list, so that a connection needs no timer of its own.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::aim::Aim;
use crate::listener::Door;

/// What is known of a connection's protocol before its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1: agreed upon, or used already.
    Http1,
    /// HTTP/2: agreed upon.
    Http2,
    /// Either: its first bytes tell.
    Either,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Guest {
    seat: usize,
    number: u64,
    door: Rc<Door>,
    resting: Cell<bool>,
    /// What is known of its protocol. A connection keeps to what it began with.
    pub(crate) speaks: Cell<Speaks>,
    /// When a sweep first saw it rest; a rest shorter than a sweep never reads the clock.
    seen_resting: Cell<Option<Instant>>,
    leaving: Cell<Option<Leave>>,
    waker: RefCell<Option<Waker>>,
    aim: OnceCell<Box<Aim>>,
}

/// Why a connection is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It was without a request for too long.
    Idle,
    /// Its listener or the whole gateway drains.
    Drain,
}

impl Guest {
    /// Where it came in.
    pub(crate) fn door(&self) -> &Rc<Door> {
        &self.door
    }

    /// What it was meant for, if it leaves a workload.
    pub(crate) fn aim(&self) -> Option<&Aim> {
        self.aim.get().map(|aim| &**aim)
    }

    /// Notes what it was meant for; told once.
    pub(crate) fn aim_at(&self, aim: Aim) {
        let _ = self.aim.set(Box::new(aim));
    }

    /// Its number among the connections of its worker, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Notes that no request is under way.
    pub(crate) fn rest(&self) {
        self.resting.set(true);
        self.seen_resting.set(None);
    }

    /// Notes that a request begins.
    pub(crate) fn work(&self) {
        self.resting.set(false);
    }

    /// Whom to wake when the connection is asked to leave.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        let mut held = self.waker.borrow_mut();
        match &*held {
            Some(held) if held.will_wake(waker) => {}
            _ => *held = Some(waker.clone()),
        }
    }

    /// Set once the connection should end: at once if idle, else with its current request.
    pub(crate) fn leaving(&self) -> Option<Leave> {
        self.leaving.get()
    }

    /// Asks it to leave.
    pub(crate) fn ask(&self, why: Leave) {
        self.leaving.set(Some(why));
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// All client connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    seats: RefCell<Vec<Option<Rc<Guest>>>>,
    free: RefCell<Vec<usize>>,
    present: Cell<usize>,
    entered: Cell<u64>,
}

impl Guests {
    /// Adds a connection.
    pub(crate) fn enter(&self, door: &Rc<Door>) -> Rc<Guest> {
        self.entered.set(self.entered.get() + 1);
        let mut seats = self.seats.borrow_mut();
        let seat = self.free.borrow_mut().pop().unwrap_or(seats.len());
        let guest = Rc::new(Guest {
            seat,
            number: self.entered.get(),
            door: Rc::clone(door),
            resting: Cell::new(true),
            speaks: Cell::new(Speaks::Either),
            seen_resting: Cell::new(None),
            leaving: Cell::new(door.is_shut().then_some(Leave::Drain)),
            waker: RefCell::new(None),
            aim: OnceCell::new(),
        });
        if seat == seats.len() {
            seats.push(None);
        }
        seats[seat] = Some(Rc::clone(&guest));
        self.present.set(self.present.get() + 1);
        guest
    }

    /// Removes a connection.
    pub(crate) fn exit(&self, guest: &Guest) {
        let seated = self.seats.borrow_mut().get_mut(guest.seat).and_then(Option::take);
        if seated.is_some() {
            self.free.borrow_mut().push(guest.seat);
            self.present.set(self.present.get() - 1);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.present.get()
    }

    /// Asks the connections of shut doors to leave.
    pub(crate) fn leave_shut_doors(&self) {
        self.each(|guest| {
            if guest.door.is_shut() {
                guest.ask(Leave::Drain);
            }
        });
    }

    /// Asks connections to leave that are idle for `limit` or longer.
    pub(crate) fn sweep(&self, now: Instant, limit: Duration) {
        self.each(|guest| {
            if !guest.resting.get() {
                return;
            }
            let since = guest.seen_resting.get().unwrap_or(now);
            guest.seen_resting.set(Some(since));
            if now.saturating_duration_since(since) >= limit {
                guest.ask(Leave::Idle);
            }
        });
    }

    fn each(&self, visit: impl Fn(&Guest)) {
        for guest in self.seats.borrow().iter().flatten() {
            visit(guest);
        }
    }
}
