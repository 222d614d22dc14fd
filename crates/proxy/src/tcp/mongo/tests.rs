//! Messages of drivers old and new, split in every way, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn framed(code: i32, body: &[u8]) -> Vec<u8> {
    let len = (HEAD + body.len()) as i32;
    let head = [len, 1, 0, code];
    [head.map(i32::to_le_bytes).as_flattened(), body].concat()
}

/// A BSON document with one string element, and more that nobody reads.
fn document(name: &str, value: &str) -> Vec<u8> {
    let text = [value.as_bytes(), &[0]].concat();
    let element =
        [&[STRING][..], name.as_bytes(), &[0], &(text.len() as i32).to_le_bytes(), &text].concat();
    let len = (4 + element.len() + 1) as i32;
    [&len.to_le_bytes()[..], &element, &[0]].concat()
}

fn op_msg(document: &[u8]) -> Vec<u8> {
    framed(MSG, &[&[0, 0, 0, 0, 0][..], document].concat())
}

fn op_query(flags: i32, collection: &str, document: &[u8]) -> Vec<u8> {
    let name = [collection.as_bytes(), &[0; 9]].concat();
    framed(QUERY, &[&flags.to_le_bytes()[..], &name, document].concat())
}

/// What is found, as text.
fn found(side: Side, bytes: &[u8], portion: usize) -> Vec<String> {
    let mut decoder = Decoder::new(side);
    let mut all = Vec::new();
    for part in bytes.chunks(portion.max(1)) {
        decoder.feed(part, &mut |seen| {
            all.push(match seen {
                Seen::Op(op) => format!("{op:?}"),
                Seen::Command(known) => known.map_or("?".to_owned(), |at| COMMANDS[at].to_owned()),
                Seen::Collection(access, name) => format!("{access:?} {name}"),
                Seen::Garbage => "garbage".to_owned(),
            });
        });
    }
    all
}

fn of_client(bytes: &[u8]) -> Vec<String> {
    found(Side::Client, bytes, bytes.len())
}

#[test]
fn commands_of_todays_drivers_count_as_the_operations_they_replaced() {
    for (command, expected) in [
        ("find", &["Message", "find", "Query", "Query books"][..]),
        ("insert", &["Message", "insert", "Insert", "Insert books"]),
        ("update", &["Message", "update", "Update", "Update books"]),
        ("delete", &["Message", "delete", "Delete", "Delete books"]),
        ("aggregate", &["Message", "aggregate", "Query books"]),
        ("hello", &["Message", "hello"]),
        ("getMore", &["Message", "getMore", "GetMore"]),
        ("inventedByAClient", &["Message", "?"]),
    ] {
        assert_eq!(of_client(&op_msg(&document(command, "books"))), expected, "{command}");
    }
}

#[test]
fn older_operations_are_understood() {
    let collection = [&[0; 4][..], b"library.books\0", &[1; 40]].concat();
    assert_eq!(of_client(&framed(INSERT, &collection)), ["Insert", "Insert books"]);
    assert_eq!(of_client(&framed(DELETE, &collection)), ["Delete", "Delete books"]);
    assert_eq!(of_client(&framed(GET_MORE, &collection)), ["GetMore"]);
    assert_eq!(of_client(&framed(KILL_CURSORS, &[0; 16])), ["KillCursors"]);
    let query = op_query(0x10 | 0x20, "library.books.old", &document("a", "b"));
    let expected = ["Query", "QueryNoCursorTimeout", "QueryAwaitData", "Query books.old"];
    assert_eq!(of_client(&query), expected);
    let command = op_query(0, "admin.$cmd", &document("isMaster", ""));
    assert_eq!(of_client(&command), ["Query", "isMaster"]);
}

#[test]
fn answers_are_counted_by_what_they_say() {
    let reply = framed(REPLY, &[&[3, 0, 0, 0][..], &[1; 8], &[0; 8]].concat());
    let expected = ["Reply", "ReplyCursorNotFound", "ReplyQueryFailure", "ReplyValidCursor"];
    assert_eq!(found(Side::Server, &reply, reply.len()), expected);
    let message = op_msg(&document("find", "books"));
    assert_eq!(found(Side::Server, &message, 5), ["Reply"]);
}

#[test]
fn long_messages_are_skipped_and_the_next_is_found() {
    let long = op_msg(&document("insert", &"x".repeat(100_000)));
    let bytes = [long, op_msg(&document("find", "books"))].concat();
    let expected = ["Message", "insert", "Insert", "Message", "find", "Query", "Query books"];
    for portion in [1, 7, 1023, 1024, 1025, 65_536, bytes.len()] {
        assert_eq!(found(Side::Client, &bytes, portion), expected, "{portion}");
    }
}

#[test]
fn what_is_no_mongodb_is_given_up_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..],
        &framed(7, &[0; 20]),
        &framed(REPLY, &[0; 3]),
        &[0; 64],
        &[0xff; 64],
    ] {
        let twice = [bytes, bytes].concat();
        assert_eq!(of_client(&twice), ["garbage"], "{bytes:?}");
    }
}

#[test]
fn names_that_could_not_be_printed_are_not_counted() {
    for name in ["", "a b", "a\nb", "b\u{fc}cher", &"x".repeat(256)] {
        let expected = ["Message", "find", "Query"];
        assert_eq!(of_client(&op_msg(&document("find", name))), expected, "{name:?}");
    }
}

proptest! {
    #[test]
    fn any_split_finds_the_same(
        junk in prop::collection::vec(any::<u8>(), 0..200),
        portion in 1_usize..90,
        flip in prop::option::of((0_usize..300, any::<u8>())),
    ) {
        let mut bytes = [
            op_msg(&document("find", "books")),
            op_query(0, "library.books", &document("a", "b")),
            junk,
        ]
        .concat();
        if let Some((place, value)) = flip && let Some(byte) = bytes.get_mut(place) {
            *byte = value;
        }
        let whole = found(Side::Client, &bytes, bytes.len());
        prop_assert_eq!(&found(Side::Client, &bytes, portion), &whole);
        prop_assert_eq!(&found(Side::Client, &bytes, 1), &whole);
    }

    #[test]
    fn no_bytes_make_it_panic(
        code in 0_usize..11,
        body in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        let bytes = framed(OPCODES[code], &body);
        for side in [Side::Client, Side::Server] {
            prop_assert_eq!(found(side, &bytes, 3), found(side, &bytes, bytes.len()));
        }
    }
}
