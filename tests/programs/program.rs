//! The programs of other makes: where they are, whether they are there, and how they are started.
//! What they say to the gateway is in `scripts/` and in the tests.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::gateway::root;

/// Something that a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Curl,
    OpenSsl,
    H2load,
    Nghttp,
    Grpcurl,
    Pymongo,
    MongoServer,
    Websockets,
    Grpcio,
}

impl Program {
    /// Why it cannot be used; `None` if it can.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Curl => answers(Command::new("curl").arg("--version"), "HTTP2"),
            Self::OpenSsl => answers(Command::new("openssl").arg("version"), "OpenSSL"),
            Self::H2load => answers(Command::new("h2load").arg("--version"), "nghttp2"),
            Self::Nghttp => answers(Command::new("nghttp").arg("--version"), "nghttp2"),
            Self::Grpcurl => answers(grpcurl().arg("--version"), ""),
            Self::Pymongo => imports("pymongo"),
            Self::Websockets => imports("websockets"),
            Self::Grpcio => imports("grpc, grpc_reflection, grpc_status"),
            Self::MongoServer => {
                let jars = fs::read_dir(peers("java")).map_or(0, Iterator::count);
                let java = answers(Command::new("javac").arg("--version"), "javac");
                java.or((jars == 0).then(|| "its jars are not there".to_owned()))
            }
        }
    }
}

/// Whether a command says this word; if not, why.
fn answers(command: &mut Command, word: &str) -> Option<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        return Some(format!("{name} is not there"));
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let usable = output.status.success() && said.contains(word);
    (!usable).then(|| format!("{name} is there and cannot be used: it does not say {word:?}"))
}

fn imports(modules: &str) -> Option<String> {
    let mut command = interpreter();
    let output = command.args(["-c", &format!("import {modules}")]).output();
    let usable = output.is_ok_and(|output| output.status.success());
    (!usable).then(|| format!("python3 does not find {modules}"))
}

fn peers(name: &str) -> PathBuf {
    root().join(".peers").join(name)
}

fn interpreter() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", peers("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    // What a developer's machine sets for the way out must not lead loopback elsewhere.
    command.env("NO_PROXY", "*").env("no_proxy", "*").stdin(Stdio::null());
    command
}

fn scripts() -> PathBuf {
    root().join("tests/programs/scripts")
}

/// A Python program of `scripts/`.
pub(crate) fn python(script: &str) -> Command {
    let mut command = interpreter();
    command.arg("-u").arg(scripts().join(script));
    command
}

/// A Java program of `scripts/`, run from its source.
pub(crate) fn java(script: &str) -> Command {
    let mut command = Command::new("java");
    command.arg("-cp").arg(peers("java").join("*")).arg(scripts().join(script));
    command.stdin(Stdio::null());
    command
}

pub(crate) fn grpcurl() -> Command {
    let mut command = Command::new(peers("bin/grpcurl"));
    command.env("NO_PROXY", "*").env("no_proxy", "*").stdin(Stdio::null());
    command
}

/// `curl` without a configuration of the machine's.
pub(crate) fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["-q", "-sS", "--noproxy", "*", "--max-time", "60"]).stdin(Stdio::null());
    command
}

/// What a program printed, once it has ended well.
#[track_caller]
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = command.output().expect("start the program");
    let text = both(&output);
    assert!(output.status.success(), "{command:?}\nended with {}:\n{text}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything that a program printed.
pub(crate) fn both(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[&out[..], &err[..]].concat()).into_owned()
}

/// A server of another make. It prints `port N` once it listens; the rest is its log.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    log: Arc<Mutex<String>>,
}

impl Server {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the server");
        let log = Arc::default();
        follow(child.stderr.take().expect("a pipe"), &log);
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        let _ = lines.read_line(&mut first);
        let port = first.trim().strip_prefix("port ").and_then(|port| port.parse().ok());
        let Some(port) = port else {
            let _ = child.kill();
            let _ = child.wait();
            let said = log.lock().expect("no test panics with it").clone();
            panic!("{command:?} does not listen; it says {first:?}\n{said}");
        };
        follow(lines, &log);
        Self { child, port, log }
    }

    /// What it has printed after its port.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no test panics with it").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's log ---\n{}--- end ---", self.log());
        }
    }
}

fn follow(stream: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = log.lock().expect("no test panics with it");
            text.push_str(&line);
            text.push('\n');
        }
    });
}

/// Writes a file and says where it is.
pub(crate) fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("make the folder");
    fs::write(&path, text).expect("write the file");
    path
}
