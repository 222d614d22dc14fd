//! The table of requests: reads `requests.txt` into groups of raw requests. `{7*ab}` in a line
//! stands for `ab` seven times.

/// Requests about one subject.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) requests: Vec<Request>,
}

/// One request: the bytes to send, and the line of the table that says so.
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) method: String,
    pub(crate) bytes: Vec<u8>,
    /// The same in parts, unless the line is raw bytes.
    pub(crate) parts: Option<Parts>,
}

/// A request that any version of HTTP could say.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    /// Whole lines, `name: value`.
    pub(crate) lines: Vec<String>,
    pub(crate) body: Option<Vec<u8>>,
}

/// Reads the table. A line `# --- name` opens a group.
pub(crate) fn read(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# --- ") {
            groups.push(Group { name: name.replace([' ', ':'], "_"), requests: Vec::new() });
        } else if !line.is_empty() && !line.starts_with("# ") {
            let group = groups.last_mut().expect("a group before the first request");
            group.requests.push(request(line));
        }
    }
    groups
}

/// One line of the table.
pub(crate) fn request(line: &str) -> Request {
    let long = repeated(line);
    let parts = long.strip_prefix("raw ").is_none().then(|| divided(&long));
    let bytes = match &parts {
        Some(parts) => parts.composed(),
        None => unescape(&long["raw ".len()..]),
    };
    let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    let method = String::from_utf8_lossy(method).into_owned();
    Request { line: line.to_owned(), method, bytes, parts }
}

/// `METHOD host target | name: value || body` in its parts.
fn divided(line: &str) -> Parts {
    let (head, body) = match line.split_once(" || ") {
        Some((head, body)) => (head, Some(unescape(body))),
        None => (line, None),
    };
    let mut pieces = head.split(" | ");
    let mut words = pieces.next().unwrap_or_default().splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, host, target) = (word(), word(), word());
    let mut lines: Vec<String> = pieces.map(str::to_owned).collect();
    let is_framed =
        |line: &String| line.starts_with("content-length") || line.starts_with("transfer-encoding");
    if let Some(body) = &body
        && !lines.iter().any(is_framed)
    {
        lines.push(format!("content-length: {}", body.len()));
    }
    Parts { method, host, target, lines, body }
}

impl Parts {
    /// The bytes of HTTP/1.1.
    fn composed(&self) -> Vec<u8> {
        let Self { method, host, target, lines, body } = self;
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(body.iter().flatten());
        bytes
    }
}

/// The line with every `{count*text}` written out.
fn repeated(line: &str) -> String {
    let mut long = String::new();
    let mut rest = line;
    while let Some((before, braced)) = rest.split_once('{') {
        long += before;
        let repeat = braced.split_once('}').and_then(|(inside, after)| {
            let (count, text) = inside.split_once('*')?;
            Some((text.repeat(count.parse().ok()?), after))
        });
        match repeat {
            Some((text, after)) => {
                long += &text;
                rest = after;
            }
            None => {
                long.push('{');
                rest = braced;
            }
        }
    }
    long + rest
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            bytes.extend(letter.to_string().into_bytes());
            continue;
        }
        match letters.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('x') => {
                let digits: String = letters.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two hex digits"));
            }
            other => bytes.extend(other.map(String::from).unwrap_or_default().into_bytes()),
        }
    }
    bytes
}
