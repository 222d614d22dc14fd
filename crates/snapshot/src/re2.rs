//! RE2 expressions, as Istio and Envoy take them, turned into the syntax of the `regex` crate.
//! The languages are nearly one; this file owns the differences: ASCII classes, literal braces,
//! brackets inside classes, `\Q...\E`. It refuses what RE2 refuses and `regex` would take.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::BadPattern;

/// Largest repetition count that RE2 takes.
const MAX_REPEAT: u32 = 1000;

/// Translates `source`. Groups come out balanced, so the result can be wrapped into another group.
///
/// # Errors
/// When RE2 would refuse the expression and the `regex` crate would not, or when the groups are
/// not balanced. Everything else is left for the `regex` crate to judge.
pub(crate) fn translate(source: &str) -> Result<String, BadPattern> {
    let mut reader = Reader {
        source,
        chars: source.char_indices().peekable(),
        out: String::with_capacity(source.len() + 16),
        depth: 0,
    };
    reader.expression()?;
    Ok(reader.out)
}

struct Reader<'s> {
    source: &'s str,
    chars: Peekable<CharIndices<'s>>,
    out: String,
    depth: usize,
}

impl Reader<'_> {
    fn expression(&mut self) -> Result<(), BadPattern> {
        while let Some((at, letter)) = self.chars.next() {
            match letter {
                '\\' => self.escape(at)?,
                '[' => self.class()?,
                '(' => self.group(at)?,
                ')' => {
                    self.depth = self
                        .depth
                        .checked_sub(1)
                        .ok_or_else(|| BadPattern("unexpected ): no group is open".into()))?;
                    self.out.push(')');
                }
                '{' => self.brace(at)?,
                _ => self.out.push(letter),
            }
        }
        if self.depth > 0 {
            return Err(BadPattern("missing ): a group is not closed".into()));
        }
        Ok(())
    }

    fn rest(&self, from: usize) -> &str {
        self.source.get(from..).unwrap_or("")
    }

    /// An escape outside a class. RE2's Perl classes and word borders are ASCII only.
    fn escape(&mut self, at: usize) -> Result<(), BadPattern> {
        let Some((_, letter)) = self.chars.next() else {
            return Err(BadPattern("trailing \\ at the end".into()));
        };
        match letter {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' => self.out.push_str(r"[\t\n\f\r ]"),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"(?-u:\B)"),
            'Q' => self.quoted(at),
            '0'..='7' => self.octal(letter)?,
            'u' | 'U' => return Err(BadPattern(format!("invalid escape sequence: \\{letter}"))),
            _ => self.plain_escape(letter),
        }
        Ok(())
    }

    /// Escapes that mean the same, or a letter that stands for itself.
    fn plain_escape(&mut self, letter: char) {
        // `\<` and `\>` are word borders in the regex crate and plain letters in RE2.
        if !matches!(letter, '<' | '>' | '_') {
            self.out.push('\\');
        }
        self.out.push(letter);
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
            return Err(BadPattern(format!("invalid escape sequence: \\{first}")));
        }
        self.out.push_str(&format!("\\x{{{code:x}}}"));
        Ok(())
    }

    /// `\Q...\E`, or to the end of the expression: literal text.
    fn quoted(&mut self, at: usize) {
        let text = self.rest(at + 2);
        let end = text.find(r"\E").map_or(text.len(), |end| end + 2);
        let literal = regex::escape(text[..end].trim_end_matches(r"\E"));
        self.out.push_str(&literal);
        let stop = at + 2 + end;
        while self.chars.next_if(|(here, _)| *here < stop).is_some() {}
    }

    /// `[...]`. In the regex crate brackets nest and `&&`, `--`, `~~` are operators; in RE2 all
    /// of these are letters.
    fn class(&mut self) -> Result<(), BadPattern> {
        self.out.push('[');
        if self.chars.next_if(|(_, next)| *next == '^').is_some() {
            self.out.push('^');
        }
        if self.chars.next_if(|(_, next)| *next == ']').is_some() {
            self.out.push_str(r"\]");
        }
        while let Some((at, letter)) = self.chars.next() {
            match letter {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest(at).starts_with("[:") => self.named_class(at),
                '[' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(letter);
                }
                '-' if self.rest(at).starts_with("--") => self.out.push_str(r"\-"),
                '\\' => self.class_escape()?,
                _ => self.out.push(letter),
            }
        }
        Err(BadPattern("missing ]: a class is not closed".into()))
    }

    /// `[:alpha:]`; without its end the bracket is a letter.
    fn named_class(&mut self, at: usize) {
        match self.rest(at).find(":]") {
            Some(end) => {
                let stop = at + end + 2;
                self.out.push_str(&self.source[at..stop]);
                while self.chars.next_if(|(here, _)| *here < stop).is_some() {}
            }
            None => self.out.push_str(r"\["),
        }
    }

    fn class_escape(&mut self) -> Result<(), BadPattern> {
        let Some((_, letter)) = self.chars.next() else {
            return Err(BadPattern("trailing \\ at the end".into()));
        };
        match letter {
            'd' => self.out.push_str("0-9"),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str("0-9A-Za-z_"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' => self.out.push_str(r"\t\n\f\r "),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            '0'..='7' => self.octal(letter)?,
            'u' | 'U' | 'b' | 'B' => {
                return Err(BadPattern(format!("invalid escape sequence: \\{letter}")));
            }
            _ => self.plain_escape(letter),
        }
        Ok(())
    }

    /// `(`, and behind `(?` only the flags and names that RE2 has.
    fn group(&mut self, at: usize) -> Result<(), BadPattern> {
        self.out.push('(');
        self.depth += 1;
        let Some(special) = self.rest(at).strip_prefix("(?") else {
            return Ok(());
        };
        if special.starts_with("P<") || special.starts_with('<') {
            return match special.trim_start_matches('P').as_bytes().get(1) {
                Some(b'=' | b'!') => Err(BadPattern("invalid perl operator: (?<".into())),
                _ => Ok(()),
            };
        }
        let flags = special.find([')', ':']).map_or(special, |end| &special[..end]);
        if flags.chars().all(|flag| "imsU-".contains(flag)) {
            Ok(())
        } else {
            let shown: String = special.chars().take(1).collect();
            Err(BadPattern(format!("invalid perl operator: (?{shown}")))
        }
    }

    /// `{`: a repetition if it reads like one, a letter otherwise.
    fn brace(&mut self, at: usize) -> Result<(), BadPattern> {
        let text = self.rest(at + 1);
        let inside = text.split_once('}').map(|(inside, _)| inside);
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let bounds = inside.and_then(|inside| match inside.split_once(',') {
            None => number(inside).then_some([inside, "0"]),
            Some((low, "")) => number(low).then_some([low, "0"]),
            Some((low, high)) => (number(low) && number(high)).then_some([low, high]),
        });
        let Some(bounds) = bounds else {
            self.out.push_str(r"\{");
            return Ok(());
        };
        if bounds.iter().any(|n| n.parse::<u32>().map_or(true, |n| n > MAX_REPEAT)) {
            return Err(BadPattern(format!("bad repetition count, more than {MAX_REPEAT}")));
        }
        self.out.push('{');
        Ok(())
    }
}
