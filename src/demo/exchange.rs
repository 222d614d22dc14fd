//! The exchanges of an example: `exchanges.txt`, curl commands and the heads they must answer.
//! Parses the text and the small part of curl's flags that tutorials use; sends nothing.

use std::collections::BTreeMap;

/// All exchanges of one example.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Exchanges {
    /// `% flags`: flags of the gateway that the example needs.
    pub flags: Vec<String>,
    /// `% reached A is B`: the tutorial reaches the gateway's port B as A.
    pub reached: BTreeMap<u16, u16>,
    /// In order.
    pub list: Vec<Exchange>,
}

/// One command and what it must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The request that the command makes.
    pub request: Request,
    /// The status that is expected; `None` where the file expects none.
    pub status: Option<u16>,
}

/// What a curl command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Method.
    pub method: String,
    /// Only the head is shown (`-I`).
    pub head_only: bool,
    /// Host of the URL, without port.
    pub host: String,
    /// Port of the URL; 80 where it names none.
    pub port: u16,
    /// Path and query; `/` at least.
    pub target: String,
    /// Headers given by `-H`, in order.
    pub headers: Vec<(String, String)>,
    /// Body given by `-d`.
    pub body: String,
}

impl Exchanges {
    /// Reads the text of an `exchanges.txt`.
    ///
    /// # Errors
    /// A sentence that names the line that is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for (position, line) in text.lines().enumerate() {
            let line = line.trim_end();
            let not_understood = |why: &str| format!("line {}: {why}: {line}", position + 1);
            if let Some(command) = line.strip_prefix("$ ") {
                let request = Request::from_curl(command).map_err(|why| not_understood(&why))?;
                all.list.push(Exchange { request, status: None });
            } else if let Some(directive) = line.strip_prefix("% ") {
                all.directive(directive).ok_or_else(|| not_understood("unknown directive"))?;
            } else if let Some(rest) = line.strip_prefix("HTTP/1.1 ")
                && let Some(exchange) = all.list.last_mut()
            {
                exchange.status = rest.split(' ').next().and_then(|code| code.parse().ok());
            }
        }
        Ok(all)
    }

    fn directive(&mut self, text: &str) -> Option<()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["flags", flags @ ..] => self.flags.extend(flags.iter().map(|&flag| flag.to_owned())),
            ["reached", outside, "is", inside] => {
                self.reached.insert(outside.parse().ok()?, inside.parse().ok()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// The gateway's port behind the port of a URL.
    #[must_use]
    pub(crate) fn gateway_port(&self, url_port: u16) -> u16 {
        self.reached.get(&url_port).copied().unwrap_or(url_port)
    }
}

impl Request {
    /// Understands `curl` with `-I -i -s -v -H -X -d` and one URL.
    ///
    /// # Errors
    /// What is not understood.
    pub(crate) fn from_curl(command: &str) -> Result<Self, String> {
        let mut words = words(command).into_iter();
        if words.next().as_deref() != Some("curl") {
            return Err("a command begins with curl".to_owned());
        }
        let mut request = Self {
            method: "GET".to_owned(),
            head_only: false,
            host: String::new(),
            port: HTTP_PORT,
            target: String::new(),
            headers: Vec::new(),
            body: String::new(),
        };
        while let Some(word) = words.next() {
            let mut value = |flag: &str| match word.strip_prefix(flag) {
                Some("") | None => words.next().ok_or_else(|| format!("{flag} needs a value")),
                Some(value) => Ok(value.to_owned()),
            };
            match word.as_bytes() {
                b"-i" | b"-s" | b"-v" => {}
                b"-I" | b"--head" => {
                    "HEAD".clone_into(&mut request.method);
                    request.head_only = true;
                }
                [b'-', b'H', ..] => request.header(&value("-H")?)?,
                [b'-', b'X', ..] => request.method = value("-X")?,
                [b'-', b'd', ..] => {
                    request.body = value("-d")?;
                    "POST".clone_into(&mut request.method);
                }
                [b'-', ..] => return Err(format!("unknown flag {word}")),
                _ => request.url(&word)?,
            }
        }
        if request.host.is_empty() { Err("no URL".to_owned()) } else { Ok(request) }
    }

    fn header(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once(':').ok_or("a header is name: value")?;
        self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        Ok(())
    }

    fn url(&mut self, url: &str) -> Result<(), String> {
        let rest = url.strip_prefix("http://").ok_or("only http:// URLs are understood")?;
        let (authority, target) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        self.host = host.to_owned();
        if !port.is_empty() {
            self.port = port.parse().map_err(|_| "the port is no number".to_owned())?;
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        self.target = format!("{slash}{target}");
        Ok(())
    }

    /// The Host header: the last one given, else the URL's authority at `port`.
    #[must_use]
    pub(crate) fn authority(&self, port: u16) -> String {
        let given = self.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case("host"));
        match given {
            Some((_, host)) => host.clone(),
            None if self.is_local() && port != HTTP_PORT => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The same command for a gateway whose port is found on this machine at `port`.
    #[must_use]
    pub(crate) fn curl(&self, port: u16) -> String {
        let mut command = "curl".to_owned();
        let flag = if self.head_only { " -I" } else { " -i" };
        command.push_str(flag);
        let implied = if self.body.is_empty() { "GET" } else { "POST" };
        if !self.head_only && self.method != implied {
            command.push_str(&format!(" -X {}", self.method));
        }
        if !self.is_local() && !self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
            command.push_str(&format!(" -H 'Host: {}'", self.host));
        }
        for (name, value) in &self.headers {
            command.push_str(&format!(" -H '{name}: {value}'"));
        }
        if !self.body.is_empty() {
            command.push_str(&format!(" -d '{}'", self.body));
        }
        let host = if self.is_local() { &self.host } else { "127.0.0.1" };
        let quote = if self.target.contains(['?', '&']) { "'" } else { "" };
        command.push_str(&format!(" {quote}http://{host}:{port}{}{quote}", self.target));
        command
    }

    fn is_local(&self) -> bool {
        self.host == "localhost" || self.host == "127.0.0.1"
    }
}

/// Words as a shell splits them, with single and double quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

const HTTP_PORT: u16 = 80;

#[cfg(test)]
mod tests;
