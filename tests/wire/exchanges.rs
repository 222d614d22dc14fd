//! Reads an example's `exchanges.txt` and plays it: the commands as `curl` would send them, the
//! answers as the file says them.

use std::fs;

use crate::harness::client::{Answer, Client};
use crate::harness::gateway::{Gateway, root};

/// The exchanges of one example or step.
pub(crate) struct Exchanges {
    /// Flags that the gateway needs, `--label` and its value.
    pub(crate) flags: Vec<String>,
    /// Ports of the transcript and the Gateway's port behind each.
    reached: Vec<(u16, u16)>,
    exchanges: Vec<Exchange>,
}

/// One command and what it answers.
struct Exchange {
    command: String,
    expected: Vec<String>,
}

/// A command as `curl` understands it.
struct Request {
    method: &'static str,
    host: String,
    port: u16,
    target: String,
    headers: Vec<String>,
}

impl Exchanges {
    /// Reads a folder's `exchanges.txt`; the folder lies in `examples/`.
    pub(crate) fn of(example: &str) -> Self {
        let path = root().join("examples").join(example).join("exchanges.txt");
        let text = fs::read_to_string(path).expect("exchanges.txt");
        let mut all = Self { flags: Vec::new(), reached: Vec::new(), exchanges: Vec::new() };
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.to_owned();
                all.exchanges.push(Exchange { command, expected: Vec::new() });
            } else if let Some(directive) = line.strip_prefix("% ") {
                all.directive(directive);
            } else if !line.starts_with('#')
                && let Some(exchange) = all.exchanges.last_mut()
            {
                exchange.expected.push(line.to_owned());
            }
        }
        assert!(!all.exchanges.is_empty(), "{example} has no exchange");
        all
    }

    fn directive(&mut self, directive: &str) {
        let words: Vec<&str> = directive.split(' ').collect();
        match words.as_slice() {
            ["flags", flags @ ..] => self.flags.extend(flags.iter().map(|flag| (*flag).to_owned())),
            ["reached", from, "is", to] => {
                let port = |word: &str| word.parse().expect("a port");
                self.reached.push((port(from), port(to)));
            }
            _ => panic!("exchanges.txt: `% {directive}` is unknown"),
        }
    }

    /// Plays every exchange.
    pub(crate) fn happen_on(&self, gateway: &Gateway) {
        for exchange in &self.exchanges {
            let request = Request::of(&exchange.command);
            let reached = self.reached.iter().find(|(from, _)| *from == request.port);
            let port = reached.map_or(request.port, |(_, to)| *to);
            let mut client = Client::connect(gateway.address(port));
            client.send(request.bytes());
            let answer = client.answer_to(request.method);
            exchange.is_answered_by(&answer);
        }
    }
}

impl Request {
    fn of(command: &str) -> Self {
        let mut method = "GET";
        let mut headers = Vec::new();
        let mut url = "";
        let mut words = command.split(' ').skip(1);
        while let Some(word) = words.next() {
            match word {
                "-I" => method = "HEAD",
                "-i" => {}
                "-H" => headers.push(words.next().expect("a header").to_owned()),
                _ if word.starts_with("-H") => headers.push(word[2..].to_owned()),
                _ => url = word,
            }
        }
        let rest = url.strip_prefix("http://").expect("an http URL");
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".to_owned()),
        };
        let port = authority.split_once(':').map_or(80, |(_, port)| port.parse().expect("a port"));
        let host = headers.iter().find_map(|header| header.strip_prefix("Host:"));
        let host = host.unwrap_or(authority).trim().to_owned();
        headers.retain(|header| !header.starts_with("Host:"));
        Self { method, host, port, target: path, headers }
    }

    fn bytes(&self) -> String {
        let Self { method, host, target, headers, .. } = self;
        let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8.14.1\r\n\
             Accept: */*\r\n{lines}\r\n"
        )
    }
}

impl Exchange {
    fn is_answered_by(&self, answer: &Answer) {
        let (head, body) = match self.expected.iter().position(String::is_empty) {
            Some(end) => (&self.expected[..end], &self.expected[end + 1..]),
            None => (&self.expected[..], &[][..]),
        };
        let mut lines = head.iter();
        let first = lines.next().expect("a status line");
        let first_matches = answer.head.first.eq_ignore_ascii_case(first)
            || (answer.head.first.ends_with(" Unknown")
                && answer.head.first.split(' ').nth(1) == first.split(' ').nth(1));
        assert!(first_matches, "{}\nexpected {first}\n{}", self.command, answer.head.raw);
        for line in lines {
            let met = match line.strip_prefix("! ") {
                Some(absent) => answer.header(absent).is_none(),
                None => line_is_met(line, answer),
            };
            assert!(met, "{}\nexpected `{line}`\n{}", self.command, answer.head.raw);
        }
        let body = body.join("\n");
        if !body.trim().is_empty() {
            assert_eq!(answer.text().trim(), body.trim(), "{}", self.command);
        }
    }
}

/// Whether the answer has this header line; `<any>` is any value, `<number>` digits.
fn line_is_met(line: &str, answer: &Answer) -> bool {
    let (name, expected) = line.split_once(": ").expect("a header line");
    answer.head.all(name).into_iter().any(|value| match expected {
        "<any>" => !value.is_empty(),
        "<number>" => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
        expected => value == expected,
    })
}
