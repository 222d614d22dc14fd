//! Base64 and frames, whole and in every portion.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<u8>, BadBase64> {
    decoded(text.as_bytes(), 3)
}

#[test]
fn base64_is_read_as_it_is_defined() {
    for (text, bytes) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ] {
        assert_eq!(read(text).unwrap(), bytes.as_bytes(), "{text}");
    }
}

#[test]
fn padding_may_stand_between_texts() {
    assert_eq!(read("Zg==Zm8=Zm9v").unwrap(), b"ffofoo");
    assert_eq!(read("Zm9vZg==").unwrap(), b"foof");
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in [
        "Z", "Zg", "Zg=", "Zm9", "=Zg=", "Z===", "Zg=g", "Zm9v!", "Zm 9", "Zh==", "Zm9=", "Zm9-",
        "Zm9_", "====", "Zm9v=", "Zg==\n",
    ] {
        assert_eq!(read(text), Err(BadBase64), "{text}");
    }
}

#[test]
fn every_frame_is_a_text_of_its_own() {
    let frames = b"\0\0\0\0\x01a\0\0\0\0\x00\x01\0\0\0\x02bc";
    for portion in 1..=frames.len() {
        let (mut text, mut writer) = (Vec::new(), TextFrames::default());
        frames.chunks(portion).for_each(|bytes| writer.write(bytes, &mut text));
        assert_eq!(String::from_utf8(text).unwrap(), "AAAAAAFhAAAAAAA=AQAAAAJiYw==");
    }
}

#[test]
fn a_frame_that_is_cut_is_written_as_far_as_it_came() {
    let (mut text, mut writer) = (Vec::new(), TextFrames::default());
    writer.write(b"\0\0\0\0\x09ab", &mut text);
    writer.end(&mut text);
    assert_eq!(decoded(&text, 4).unwrap(), b"\0\0\0\0\x09ab");
}

#[test]
fn trailers_are_a_frame() {
    let mut trailers = HeaderMap::new();
    for (name, value) in [("grpc-status", "0"), ("grpc-message", "ok")] {
        trailers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let frame = trailers_frame(&trailers);
    assert_eq!(frame, b"\x80\0\0\0\x20grpc-status:0\r\ngrpc-message:ok\r\n");
    assert_eq!(trailers_frame(&HeaderMap::new()), b"\x80\0\0\0\0");
}

proptest! {
    #[test]
    fn texts_do_not_depend_on_how_they_are_split(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        fuzz(&bytes);
    }

    #[test]
    fn what_reads_as_base64_does_so_in_every_portion(text in "[A-D+/=]{0,24}") {
        fuzz(text.as_bytes());
    }
}
