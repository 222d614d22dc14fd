//! The texts of gRPC-Web, without I/O: messages in base64 as browsers send and read them, and the
//! frame that trailers travel in. Who translates what is `http/grpc_web`'s to know.

mod base64;
mod frames;

pub(crate) use self::base64::{BadBase64, Decoder};
pub(crate) use self::frames::{TextFrames, trailers_frame};

/// Messages in base64, in portions: the outcome does not depend on how they are split, text that is
/// read can be written, and whatever is written is read again.
pub(crate) fn fuzz(bytes: &[u8]) {
    let whole = decoded(bytes, bytes.len().max(1));
    for portion in [1, 3, 7] {
        assert_eq!(whole, decoded(bytes, portion), "the text depends on how it is split");
    }
    let texts = [1, 2, 5, bytes.len().max(1)].map(|portion| {
        let mut text = Vec::new();
        let mut frames = TextFrames::default();
        bytes.chunks(portion).for_each(|bytes| frames.write(bytes, &mut text));
        frames.end(&mut text);
        text
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "the text depends on how it is split");
    assert_eq!(decoded(&texts[0], 3).as_deref(), Ok(bytes), "what is written is not what is read");
}

fn decoded(text: &[u8], portion: usize) -> Result<Vec<u8>, BadBase64> {
    let (mut decoder, mut bytes) = (Decoder::default(), Vec::new());
    for text in text.chunks(portion) {
        decoder.read(text, &mut bytes)?;
    }
    decoder.end()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
