//! RE2 expressions, as Istio and Envoy take them, turned into the syntax of the `regex` crate.
//! Envoy's RE2 works on single bytes, so the result is meant for matching without Unicode.
//! This file owns what is left of the difference: literal braces, brackets and operators inside
//! classes, `\Q...\E`, `\C`, and what RE2 refuses although `regex` would take it.

mod property;

use std::iter::Peekable;
use std::str::CharIndices;

use crate::BadPattern;

/// Largest repetition count that RE2 takes.
const MAX_REPEAT: u32 = 1000;

/// Names between `[:` and `:]`.
const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Translates `source`. Groups come out balanced, so the result can be wrapped into another group.
///
/// # Errors
/// When RE2 would refuse the expression and the `regex` crate would not, or when groups or classes
/// are not closed. Everything else is left for the `regex` crate to judge.
pub(crate) fn translate(source: &str) -> Result<String, BadPattern> {
    if source.is_empty() {
        return bad("it is empty, which Envoy refuses");
    }
    let mut reader = Reader {
        source,
        chars: source.char_indices().peekable(),
        out: String::with_capacity(source.len() + 16),
        open: Vec::new(),
        repeats: 1,
    };
    reader.expression()?;
    Ok(reader.out)
}

fn bad<T>(text: impl Into<String>) -> Result<T, BadPattern> {
    Err(BadPattern(text.into()))
}

struct Reader<'s> {
    source: &'s str,
    chars: Peekable<CharIndices<'s>>,
    out: String,
    /// For each open group, how often the most repeated part of what surrounds it is repeated.
    open: Vec<u32>,
    /// How often the most repeated part of the current group is repeated so far.
    repeats: u32,
}

impl Reader<'_> {
    fn expression(&mut self) -> Result<(), BadPattern> {
        let mut repeated = false;
        // How often the most repeated part of the last atom is repeated.
        let mut atom = 1;
        while let Some((at, letter)) = self.chars.next() {
            let repeats = self.is_repetition(at, letter);
            if repeats && repeated {
                return bad(format!("bad repetition operator: {letter} behind another"));
            }
            repeated = repeats;
            if !repeats {
                atom = 1;
            }
            match letter {
                '*' | '+' | '?' => {
                    self.out.push(letter);
                    self.lazy();
                }
                '{' if repeats => self.repetition(at, atom)?,
                '{' => self.out.push_str(r"\{"),
                '\\' => self.escape(at)?,
                '[' => self.class()?,
                '(' => self.group(at)?,
                ')' => atom = self.close()?,
                _ => self.literal(letter),
            }
        }
        if !self.open.is_empty() {
            return bad("missing ): a group is not closed");
        }
        Ok(())
    }

    fn rest(&self, from: usize) -> &str {
        self.source.get(from..).unwrap_or("")
    }

    fn skip_to(&mut self, stop: usize) {
        while self.chars.next_if(|(here, _)| *here < stop).is_some() {}
    }

    /// Letters beyond ASCII are the bytes of their UTF-8 form, each by itself.
    fn literal(&mut self, letter: char) {
        if letter.is_ascii() {
            self.out.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                self.out.push_str(&format!(r"\x{byte:02X}"));
            }
        }
    }

    /// Ends a group; gives how often its most repeated part is repeated.
    fn close(&mut self) -> Result<u32, BadPattern> {
        let Some(around) = self.open.pop() else {
            return bad("unexpected ): no group is open");
        };
        self.out.push(')');
        let inside = std::mem::replace(&mut self.repeats, around);
        self.repeats = self.repeats.max(inside);
        Ok(inside)
    }

    /// The `?` behind a repetition.
    fn lazy(&mut self) {
        if self.chars.next_if(|(_, next)| *next == '?').is_some() {
            self.out.push('?');
        }
    }

    fn is_repetition(&self, at: usize, letter: char) -> bool {
        match letter {
            '*' | '+' | '?' => true,
            '{' => self.bounds(at).is_some(),
            _ => false,
        }
    }

    /// The numbers of `{1}`, `{1,}` and `{1,2}`; any other brace is a letter.
    fn bounds(&self, at: usize) -> Option<[&str; 2]> {
        let (inside, _) = self.rest(at + 1).split_once('}')?;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match inside.split_once(',') {
            None => number(inside).then_some([inside, "0"]),
            Some((low, "")) => number(low).then_some([low, "0"]),
            Some((low, high)) => (number(low) && number(high)).then_some([low, high]),
        }
    }

    /// Repetitions multiply: RE2 takes a thousand of everything, nested ones together.
    fn repetition(&mut self, at: usize, atom: u32) -> Result<(), BadPattern> {
        let counts = self.bounds(at).into_iter().flatten();
        let count = counts.map(|count| count.parse().unwrap_or(u32::MAX)).max().unwrap_or(0);
        let product = count.max(1).saturating_mul(atom);
        if product > MAX_REPEAT {
            return bad(format!("invalid repetition size: more than {MAX_REPEAT}"));
        }
        self.repeats = self.repeats.max(product);
        let length = self.rest(at).find('}').map_or(0, |end| end + 1);
        self.out.push_str(&self.source[at..at + length]);
        self.skip_to(at + length);
        self.lazy();
        Ok(())
    }

    /// An escape outside a class.
    fn escape(&mut self, at: usize) -> Result<(), BadPattern> {
        let Some((_, letter)) = self.chars.next() else {
            return bad("trailing \\ at the end");
        };
        match letter {
            's' => self.out.push_str(r"[\t\n\f\r ]"),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            // Any byte, a line break too.
            'C' => self.out.push_str("(?s:.)"),
            'Q' => self.quoted(at),
            'p' | 'P' => self.property(letter)?,
            'A' | 'z' | 'b' | 'B' | 'd' | 'D' | 'w' | 'W' => self.push_escaped(letter),
            _ => return self.shared_escape(letter),
        }
        Ok(())
    }

    fn push_escaped(&mut self, letter: char) {
        self.out.push('\\');
        self.out.push(letter);
    }

    /// `\pN`, `\p{Greek}`, `\P{^L}`.
    fn property(&mut self, letter: char) -> Result<(), BadPattern> {
        let name = match self.braced() {
            Some(name) => name,
            None => self.chars.next().map(|(_, name)| name.to_string()).unwrap_or_default(),
        };
        let (negated, plain) = match name.strip_prefix('^') {
            Some(plain) => (letter == 'p', plain),
            None => (letter == 'P', name.as_str()),
        };
        let Some(class) = property::bytes(plain, negated) else {
            return bad(format!("invalid character class range: \\{letter}{{{name}}}"));
        };
        self.out.push_str(&class);
        Ok(())
    }

    /// Escapes that mean the same inside and outside of classes.
    fn shared_escape(&mut self, letter: char) -> Result<(), BadPattern> {
        match letter {
            '0'..='7' => self.octal(letter)?,
            'x' => self.hexadecimal()?,
            // Letters and digits have a meaning or are refused.
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => self.push_escaped(letter),
            // `\<` and `\>` are word borders in the regex crate and plain letters in RE2.
            '<' | '>' | '_' => self.out.push(letter),
            _ if letter.is_ascii_punctuation() || letter == ' ' => self.push_escaped(letter),
            _ => return bad(format!("invalid escape sequence: \\{letter}")),
        }
        Ok(())
    }

    /// `\x41`, `\x{41}`.
    fn hexadecimal(&mut self) -> Result<(), BadPattern> {
        let (digits, fewest) = match self.braced() {
            Some(digits) => (digits, 1),
            None => (self.chars.by_ref().take(2).map(|(_, digit)| digit).collect(), 2),
        };
        let all_digits = digits.len() >= fewest && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match u32::from_str_radix(&digits, 16) {
            Ok(code) if all_digits => self.byte(code),
            _ => bad(format!("invalid escape sequence: \\x{digits}")),
        }
    }

    /// The text of `{...}`, if it stands here.
    fn braced(&mut self) -> Option<String> {
        let (at, _) = self.chars.peek().copied().filter(|(_, next)| *next == '{')?;
        let (inside, _) = self.rest(at + 1).split_once('}')?;
        let inside = inside.to_owned();
        self.skip_to(at + inside.len() + "{}".len());
        Some(inside)
    }

    /// A code of a letter is a byte; Envoy's RE2 knows no others.
    fn byte(&mut self, code: u32) -> Result<(), BadPattern> {
        if code > 0xFF {
            return bad(format!("invalid escape sequence: {code:x} is no byte, write the letter"));
        }
        self.out.push_str(&format!("\\x{code:02X}"));
        Ok(())
    }

    /// `\123`: RE2 takes octal codes of a leading zero or of three digits; `\1` alone would be a
    /// back-reference, which RE2 has not.
    fn octal(&mut self, first: char) -> Result<(), BadPattern> {
        let mut code = first.to_digit(8).unwrap_or(0);
        let mut digits = 1;
        while digits < 3 {
            let Some(digit) = self.chars.peek().and_then(|(_, next)| next.to_digit(8)) else {
                break;
            };
            self.chars.next();
            code = code * 8 + digit;
            digits += 1;
        }
        if first != '0' && digits < 3 {
            return bad(format!("invalid escape sequence: \\{first}"));
        }
        self.byte(code)
    }

    /// `\Q...\E`, or to the end of the expression: literal text.
    fn quoted(&mut self, at: usize) {
        let start = at + r"\Q".len();
        let text = self.rest(start);
        let (length, skipped) = match text.find(r"\E") {
            Some(end) => (end, end + r"\E".len()),
            None => (text.len(), text.len()),
        };
        let literal = regex::escape(&text[..length]);
        for letter in literal.chars() {
            self.literal(letter);
        }
        self.skip_to(start + skipped);
    }

    /// `[...]`. In the regex crate brackets nest and `&&`, `--`, `~~` are operators; in RE2 all
    /// of these are letters, so every letter of a class comes out escaped where it could be more.
    fn class(&mut self) -> Result<(), BadPattern> {
        self.out.push('[');
        if self.chars.next_if(|(_, next)| *next == '^').is_some() {
            self.out.push('^');
        }
        if self.chars.next_if(|(_, next)| *next == ']').is_some() {
            self.out.push_str(r"\]");
            self.range_end()?;
        }
        while let Some((at, letter)) = self.chars.next() {
            match letter {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest(at).starts_with("[:") && self.named_class(at)? => {}
                '\\' if self.rest(at + 1).starts_with(['d', 'D', 'w', 'W', 's', 'S', 'p', 'P']) => {
                    // A set cannot begin a range: the hyphen behind it is a letter.
                    self.class_escape()?;
                }
                _ => {
                    self.class_letter(letter)?;
                    self.range_end()?;
                }
            }
        }
        bad("missing ]: a class is not closed")
    }

    /// The rest of `a-z` behind its first letter. A hyphen in front of `]` is a letter.
    fn range_end(&mut self) -> Result<(), BadPattern> {
        let Some((at, '-')) = self.chars.peek().copied() else {
            return Ok(());
        };
        if self.rest(at).starts_with("-]") {
            return Ok(());
        }
        self.chars.next();
        self.out.push('-');
        match self.chars.next() {
            Some((_, letter)) => self.class_letter(letter),
            None => bad("missing ]: a class is not closed"),
        }
    }

    fn class_letter(&mut self, letter: char) -> Result<(), BadPattern> {
        match letter {
            '[' | '&' | '~' | '-' | '^' => self.push_escaped(letter),
            '\\' => return self.class_escape(),
            _ => self.literal(letter),
        }
        Ok(())
    }

    /// `[:alpha:]`; without its end the bracket is a letter.
    fn named_class(&mut self, at: usize) -> Result<bool, BadPattern> {
        let Some(end) = self.rest(at).find(":]") else {
            return Ok(false);
        };
        let stop = at + end + ":]".len();
        let name = &self.source[at + "[:".len()..at + end];
        if !NAMED_CLASSES.contains(&name.trim_start_matches('^')) {
            return bad(format!("invalid character class range: [:{name}:]"));
        }
        self.out.push_str(&self.source[at..stop]);
        self.skip_to(stop);
        Ok(true)
    }

    fn class_escape(&mut self) -> Result<(), BadPattern> {
        let Some((_, letter)) = self.chars.next() else {
            return bad("trailing \\ at the end");
        };
        match letter {
            'd' | 'D' | 'w' | 'W' => self.push_escaped(letter),
            's' => self.out.push_str(r"\t\n\f\r "),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            'p' | 'P' => self.property(letter)?,
            _ => return self.shared_escape(letter),
        }
        Ok(())
    }

    /// `(`, and behind `(?` only the flags and names that RE2 has. Names serve nobody here; they
    /// are left out, because RE2 allows more of them.
    fn group(&mut self, at: usize) -> Result<(), BadPattern> {
        self.out.push('(');
        self.open.push(std::mem::replace(&mut self.repeats, 1));
        let Some(special) = self.source.get(at..).and_then(|rest| rest.strip_prefix("(?")) else {
            return Ok(());
        };
        let named = special.strip_prefix("P<").or_else(|| special.strip_prefix('<'));
        if let Some((name, _)) = named.and_then(|named| named.split_once('>')) {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return bad(format!("invalid named capture group: (?P<{name}>"));
            }
            let start = at + self.rest(at).len() - named.map_or(0, str::len);
            self.skip_to(start + name.len() + 1);
            return Ok(());
        }
        let Some(end) = special.find([')', ':']) else {
            return bad("missing ): a group is not closed");
        };
        if !special[..end].chars().all(|flag| "imsU-".contains(flag)) {
            let operator: String = special.chars().take(1).collect();
            return bad(format!("invalid perl operator: (?{operator}"));
        }
        // `(?i)` closes itself; `(?i:` opens a group.
        self.out.push('?');
        self.out.push_str(&special[..end]);
        self.skip_to(at + "(?".len() + end);
        if special[end..].starts_with(':') {
            self.chars.next();
            self.out.push(':');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
