//! Propylon inside a namespace: started, watched by its log, stopped.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::namespace::Namespace;

/// Where programs are looked for: the usual places, and where `make peers` puts iptables.
pub(crate) fn search_path() -> OsString {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join(".peers/iptables/bin");
    let usual = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let all = env::split_paths(&usual).chain(system).chain([peers]);
    env::join_paths(all).expect("a search path")
}

/// The binary under test.
pub(crate) const PROPYLON: &str = env!("CARGO_BIN_EXE_propylon");

/// A running Propylon.
pub(crate) struct Program {
    child: Child,
    log: NamedTempFile,
}

impl Program {
    /// `propylon run` on a directory, as this user; waits until its first configuration is live.
    pub(crate) fn start(
        namespace: &Namespace,
        user: Option<u32>,
        directory: &Path,
        flags: &[&str],
    ) -> Self {
        let log = NamedTempFile::new().expect("a log");
        let directory = directory.to_str().expect("a path in UTF-8");
        let fixed = [PROPYLON, "run", directory, "--status", "off", "--ready", "off"];
        let workers = match flags.contains(&"--workers") {
            true => &[][..],
            false => &["--workers", "1"],
        };
        let fixed = [&fixed[..], workers, flags].concat();
        let output = || Stdio::from(File::options().append(true).open(log.path()).expect("a log"));
        let mut command = namespace.command(user, &fixed);
        let child = command.stdout(output()).stderr(output()).spawn().expect("start propylon");
        let program = Self { child, log };
        eventually("propylon is live", || program.log().contains("admin      http://"));
        program
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    fn readings(&self) -> usize {
        // A change that means nothing to a program is answered as well: its generation stays.
        self.log().lines().filter(|line| line.contains(" generation ")).count()
    }

    /// Changes files and waits until all of these have taken it in.
    pub(crate) fn reload(programs: &[&Self], change: impl FnOnce()) {
        let before: Vec<usize> = programs.iter().map(|one| one.readings()).collect();
        change();
        eventually("the change is taken in", || {
            programs.iter().zip(&before).all(|(one, before)| one.readings() > *before)
        });
    }

    /// A page of the admin server in a namespace.
    pub(crate) fn page(namespace: &Namespace, path: &str) -> String {
        namespace.inside(|| {
            let mut stream = TcpStream::connect("127.0.0.1:15000").expect("the admin server");
            let rest = "HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(format!("GET {path} {rest}").as_bytes()).expect("ask");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        })
    }

    /// A counter of its admin page.
    pub(crate) fn counter(namespace: &Namespace, name: &str) -> u64 {
        let text = Self::page(namespace, "/stats");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no counter {name} in {text}")).parse().expect("a number")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- a log ---\n{}--- end ---", self.log());
        }
    }
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);
