//! What a MongoDB connection says about itself: operations, commands and collections, for counting.
//!
//! Sans-IO and passive: it sees copies of the bytes of one direction and changes none. It looks at
//! the first bytes of each message and skips the rest; at the first thing that is not MongoDB's
//! wire protocol it gives up on the direction for good. Envoy's filter knows the opcodes up to
//! MongoDB 3.4; every driver of today speaks `OP_MSG`, which is read here too and counted under the
//! names that the older opcodes have.

use crate::limits::{MONGO_MESSAGE_BYTES_MAX, MONGO_NAME_BYTES_MAX};

/// One finding in a stream of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen<'b> {
    /// An operation.
    Op(Op),
    /// A command, by its position in [`COMMANDS`]; `None` for one that is not listed.
    Command(Option<usize>),
    /// An operation on a collection.
    Collection(Access, &'b str),
    /// No MongoDB: nothing more is read of this direction.
    Garbage,
}

/// Operations as they are counted. Commands in `OP_MSG` count as the opcode they replaced, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// `OP_MSG` of a client.
    Message,
    /// `OP_QUERY`, or `find` in an `OP_MSG`.
    Query,
    /// A query that wants its cursor kept.
    QueryNoCursorTimeout,
    /// A query that waits for data.
    QueryAwaitData,
    /// A query that wants everything at once.
    QueryExhaust,
    /// `OP_INSERT`, or the command.
    Insert,
    /// `OP_UPDATE`, or the command.
    Update,
    /// `OP_DELETE`, or the command.
    Delete,
    /// `OP_GET_MORE`, or the command.
    GetMore,
    /// `OP_KILL_CURSORS`, or the command.
    KillCursors,
    /// `OP_COMMAND`.
    Command,
    /// `OP_COMMANDREPLY`.
    CommandReply,
    /// `OP_COMPRESSED`, whose content is not read.
    Compressed,
    /// `OP_REPLY`, or an `OP_MSG` of the server.
    Reply,
    /// A reply that says that the cursor is gone.
    ReplyCursorNotFound,
    /// A reply that says that the query failed.
    ReplyQueryFailure,
    /// A reply that leaves a cursor open.
    ReplyValidCursor,
}

/// What is done with a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading: queries, `find`, `aggregate`, `count`, `distinct`.
    Query,
    /// Inserting.
    Insert,
    /// Updating, `findAndModify` included.
    Update,
    /// Deleting.
    Delete,
}

/// Commands that are counted by name: what applications use. A closed list, because the names come
/// from clients.
pub(crate) const COMMANDS: [&str; 32] = [
    "abortTransaction",
    "aggregate",
    "authenticate",
    "buildInfo",
    "collStats",
    "commitTransaction",
    "count",
    "create",
    "createIndexes",
    "dbStats",
    "delete",
    "distinct",
    "drop",
    "dropDatabase",
    "dropIndexes",
    "endSessions",
    "explain",
    "find",
    "findAndModify",
    "getMore",
    "hello",
    "insert",
    "isMaster",
    "ismaster",
    "killCursors",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "ping",
    "saslContinue",
    "saslStart",
    "update",
];

/// Which way a decoder's bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// From the client.
    Client,
    /// From the server.
    Server,
}

/// Reads the messages of one direction.
#[derive(Debug)]
pub(crate) struct Decoder {
    side: Side,
    state: State,
}

#[derive(Debug)]
enum State {
    /// At the start of a message; what came of it so far. Empty between messages.
    Start(Vec<u8>),
    /// Inside one, with so many bytes to go.
    Inside(usize),
    /// Lost.
    Lost,
}

/// Length, request, response and opcode.
const HEAD: usize = 16;

/// Bytes of a message that are looked at: its head, flags, a collection's full name (or a command's
/// and the collection's) with room to spare.
const EXAMINED: usize = 1024;

impl Decoder {
    /// A decoder at the start of a connection.
    pub(crate) fn new(side: Side) -> Self {
        Self { side, state: State::Start(Vec::new()) }
    }

    /// Reads on; `seen` is told what was found, in order.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Lost => return,
                State::Inside(left) => {
                    let skipped = bytes.len().min(*left);
                    bytes = &bytes[skipped..];
                    *left -= skipped;
                    if *left == 0 {
                        self.state = State::Start(Vec::new());
                    }
                }
                State::Start(held) => {
                    let before = held.len();
                    let next = if held.is_empty() {
                        start(self.side, bytes, seen)
                    } else {
                        let room = EXAMINED.saturating_sub(before);
                        held.extend_from_slice(&bytes[..bytes.len().min(room)]);
                        start(self.side, held, seen)
                    };
                    match next {
                        Next::NeedMore => {
                            if before == 0 {
                                held.extend_from_slice(bytes);
                            }
                            return;
                        }
                        Next::Message { len, examined } => {
                            bytes = &bytes[examined - before..];
                            self.state = match len - examined {
                                0 => State::Start(Vec::new()),
                                left => State::Inside(left),
                            };
                        }
                        Next::Garbage => {
                            seen(Seen::Garbage);
                            self.state = State::Lost;
                        }
                    }
                }
            }
        }
    }
}

enum Next {
    NeedMore,
    Message { len: usize, examined: usize },
    Garbage,
}

/// Looks at the start of a message.
fn start(side: Side, bytes: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Next {
    let Some(len) = int(bytes, 0) else { return Next::NeedMore };
    let Some(len) = usize::try_from(len).ok().filter(|len| SIZES.contains(len)) else {
        return Next::Garbage;
    };
    let Some(code) = int(bytes, 12) else { return Next::NeedMore };
    if !OPCODES.contains(&code) {
        return Next::Garbage;
    }
    let examined = len.min(EXAMINED);
    let Some(message) = bytes.get(..examined) else { return Next::NeedMore };
    match examine(side, code, &message[HEAD..], seen) {
        Some(()) => Next::Message { len, examined },
        None => Next::Garbage,
    }
}

const SIZES: std::ops::RangeInclusive<usize> = HEAD..=MONGO_MESSAGE_BYTES_MAX;

const REPLY: i32 = 1;
const UPDATE: i32 = 2001;
const INSERT: i32 = 2002;
const QUERY: i32 = 2004;
const GET_MORE: i32 = 2005;
const DELETE: i32 = 2006;
const KILL_CURSORS: i32 = 2007;
const COMMAND: i32 = 2010;
const COMMAND_REPLY: i32 = 2011;
const COMPRESSED: i32 = 2012;
const MSG: i32 = 2013;
const OPCODES: [i32; 11] = [
    REPLY,
    UPDATE,
    INSERT,
    QUERY,
    GET_MORE,
    DELETE,
    KILL_CURSORS,
    COMMAND,
    COMMAND_REPLY,
    COMPRESSED,
    MSG,
];

/// Reports what a message's body says; `None` if it cannot be one.
fn examine(side: Side, code: i32, body: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Option<()> {
    match code {
        REPLY => reply(body, seen)?,
        UPDATE => legacy(Op::Update, Access::Update, body, seen)?,
        INSERT => legacy(Op::Insert, Access::Insert, body, seen)?,
        DELETE => legacy(Op::Delete, Access::Delete, body, seen)?,
        QUERY => query(body, seen)?,
        GET_MORE => seen(Seen::Op(Op::GetMore)),
        KILL_CURSORS => seen(Seen::Op(Op::KillCursors)),
        COMMAND => {
            // Database, then the command's name.
            let (_, rest) = text(body)?;
            let (name, _) = text(rest)?;
            seen(Seen::Op(Op::Command));
            seen(Seen::Command(command(name)));
        }
        COMMAND_REPLY => seen(Seen::Op(Op::CommandReply)),
        COMPRESSED => seen(Seen::Op(Op::Compressed)),
        _ if side == Side::Server => seen(Seen::Op(Op::Reply)),
        _ => message(body, seen)?,
    }
    Some(())
}

fn reply(body: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Option<()> {
    let flags = int(body, 0)?;
    let cursor = body.get(4..12)?;
    seen(Seen::Op(Op::Reply));
    for (set, op) in [
        (flags & 1 != 0, Op::ReplyCursorNotFound),
        (flags & 2 != 0, Op::ReplyQueryFailure),
        (cursor.iter().any(|byte| *byte != 0), Op::ReplyValidCursor),
    ] {
        if set {
            seen(Seen::Op(op));
        }
    }
    Some(())
}

/// `OP_INSERT`, `OP_UPDATE`, `OP_DELETE`: flags or a zero, then the collection.
fn legacy(op: Op, access: Access, body: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Option<()> {
    let (name, _) = text(body.get(4..)?)?;
    seen(Seen::Op(op));
    if let Some(collection) = collection(name) {
        seen(Seen::Collection(access, collection));
    }
    Some(())
}

fn query(body: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Option<()> {
    let flags = int(body, 0)?;
    let (name, rest) = text(body.get(4..)?)?;
    seen(Seen::Op(Op::Query));
    for (bit, op) in [(4, Op::QueryNoCursorTimeout), (5, Op::QueryAwaitData), (6, Op::QueryExhaust)]
    {
        if flags & 1 << bit != 0 {
            seen(Seen::Op(op));
        }
    }
    match collection(name) {
        // Behind two numbers stands the command; drivers may wrap it to add read preferences.
        Some("$cmd") => {
            let mut first = rest.get(8..).and_then(first_element);
            if let Some(Element { name: "$query" | "query", kind: DOCUMENT, value }) = first {
                first = first_element(value);
            }
            seen(Seen::Command(first.and_then(|element| command(element.name))));
        }
        Some(collection) => seen(Seen::Collection(Access::Query, collection)),
        None => {}
    }
    Some(())
}

/// `OP_MSG`: flags, then sections; the one of kind 0 is the command, and drivers send it first.
fn message(body: &[u8], seen: &mut impl FnMut(Seen<'_>)) -> Option<()> {
    seen(Seen::Op(Op::Message));
    let section = body.get(4..)?;
    let (kind, document) = section.split_first()?;
    if *kind > 1 {
        return None;
    }
    let Some(first) = (*kind == 0).then(|| first_element(document)).flatten() else {
        seen(Seen::Command(None));
        return Some(());
    };
    seen(Seen::Command(command(first.name)));
    let (op, access) = match first.name {
        "find" => (Some(Op::Query), Some(Access::Query)),
        "aggregate" | "count" | "distinct" => (None, Some(Access::Query)),
        "insert" => (Some(Op::Insert), Some(Access::Insert)),
        "update" => (Some(Op::Update), Some(Access::Update)),
        "findAndModify" => (None, Some(Access::Update)),
        "delete" => (Some(Op::Delete), Some(Access::Delete)),
        "getMore" => (Some(Op::GetMore), None),
        "killCursors" => (Some(Op::KillCursors), None),
        _ => (None, None),
    };
    if let Some(op) = op {
        seen(Seen::Op(op));
    }
    if let (Some(access), Some(name)) = (access, first.string()) {
        seen(Seen::Collection(access, name));
    }
    Some(())
}

fn command(name: &str) -> Option<usize> {
    COMMANDS.iter().position(|known| *known == name)
}

/// The collection in `database.collection`.
fn collection(full: &str) -> Option<&str> {
    let (_, name) = full.split_once('.')?;
    is_name(name).then_some(name)
}

fn is_name(name: &str) -> bool {
    let len = 1..=MONGO_NAME_BYTES_MAX;
    len.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// BSON's types of elements that are looked into.
const STRING: u8 = 2;
const DOCUMENT: u8 = 3;

/// The first element of a BSON document, its value not bounded.
#[derive(Debug, Clone, Copy)]
struct Element<'b> {
    kind: u8,
    name: &'b str,
    value: &'b [u8],
}

impl<'b> Element<'b> {
    /// A string that can be a collection's name.
    fn string(&self) -> Option<&'b str> {
        let (name, _) = text(self.value.get(4..)?).filter(|_| self.kind == STRING)?;
        is_name(name).then_some(name)
    }
}

fn first_element(document: &[u8]) -> Option<Element<'_>> {
    let (kind, rest) = document.get(4..)?.split_first()?;
    let (name, value) = text(rest)?;
    Some(Element { kind: *kind, name, value })
}

/// A text that ends with a zero, and what follows it.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((text, &bytes[end + 1..]))
}

/// The little-endian number at a place.
fn int(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
