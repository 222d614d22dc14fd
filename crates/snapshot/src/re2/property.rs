//! Unicode properties (`\pL`, `\p{Greek}`) as sets of bytes. Envoy's RE2 takes every byte for the
//! letter of that number, so only the first 256 letters matter. Names are as RE2 has them.

use regex::Regex;

/// A bracketed class of the bytes that have the property, or of those that have not; `None` if RE2
/// has no such property.
pub(super) fn bytes(name: &str, negated: bool) -> Option<String> {
    let has = letters(name)?;
    let mut class = String::from("[");
    for byte in 0..=u8::MAX {
        if has(char::from(byte)) != negated {
            class.push_str(&format!(r"\x{byte:02X}"));
        }
    }
    // An empty class is written as the opposite of everything.
    Some(if class == "[" { r"[^\x00-\xFF]".to_owned() } else { class + "]" })
}

fn letters(name: &str) -> Option<impl Fn(char) -> bool> {
    let category = CATEGORIES.contains(&name);
    let script = name.len() > 2
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let expression = match name {
        ANY => r"(?s).".to_owned(),
        _ if category => format!(r"\p{{{name}}}"),
        _ if script => format!(r"\p{{Script={name}}}"),
        _ => return None,
    };
    let regex = Regex::new(&expression).ok()?;
    Some(move |letter: char| regex.is_match(letter.encode_utf8(&mut [0; 4])))
}

/// RE2's name for all letters.
const ANY: &str = "Any";
/// The general categories that RE2 knows.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
];
