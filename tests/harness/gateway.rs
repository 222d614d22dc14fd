//! The real binary as a test sees it: started on a directory of YAML, asked over sockets, stopped
//! at the end. Its log is printed when a test fails.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use super::client::{Answer, Client};
use super::{PATIENCE, eventually, pause, ports};

/// Attempts at a start: another process may take a chosen port first.
const START_ATTEMPTS: usize = 3;

/// A gateway that is about to be started.
pub(crate) struct Plan {
    directory: TempDir,
    declared: Vec<u16>,
    flags: Vec<String>,
    descriptors: Option<u32>,
}

/// A gateway of these files, each a name and its text.
pub(crate) fn files(files: &[(&str, &str)]) -> Plan {
    let directory = TempDir::new().expect("a directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("write a file");
    }
    Plan { directory, declared: vec![80], flags: Vec::new(), descriptors: None }
}

/// A gateway of one file.
pub(crate) fn world(yaml: &str) -> Plan {
    files(&[("world.yaml", yaml)])
}

/// A gateway of an example's own files.
pub(crate) fn example(name: &str) -> Plan {
    let plan = files(&[]);
    copy(&root().join("examples").join(name), plan.directory.path());
    plan
}

impl Plan {
    /// Puts a test's own origin where the files name a built-in backend's port.
    pub(crate) fn behind(self, port: u16, origin: u16) -> Self {
        for entry in fs::read_dir(self.directory.path()).expect("the directory") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text file");
            let text = text.replace(&format!("port: {port}\n"), &format!("port: {origin}\n"));
            fs::write(&path, text).expect("write a file");
        }
        self
    }

    /// Gives the command line a flag.
    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// The ports that the Gateways declare; without this, port 80.
    pub(crate) fn ports(mut self, declared: &[u16]) -> Self {
        self.declared = declared.to_vec();
        self
    }

    /// Lets the process open this many files and no more.
    pub(crate) fn descriptors(mut self, limit: u32) -> Self {
        self.descriptors = Some(limit);
        self
    }

    /// Lays the files out as a ConfigMap volume does.
    pub(crate) fn mounted(self, files: &[(&str, &str)]) -> Self {
        swap_in(self.directory.path(), files);
        self
    }

    /// Starts it without waiting: it may never become ready.
    pub(crate) fn start_anyhow(self) -> Gateway {
        let Self { directory, declared, flags, descriptors } = self;
        Gateway::spawn(Arc::new(directory), &declared, &flags, descriptors)
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Gateway {
        let Self { directory, declared, flags, descriptors } = self;
        let mut attempt = 1;
        let directory = Arc::new(directory);
        loop {
            let gateway = Gateway::spawn(Arc::clone(&directory), &declared, &flags, descriptors);
            if gateway.becomes_ready() {
                return gateway;
            }
            assert!(attempt < START_ATTEMPTS, "the gateway does not become ready");
            attempt += 1;
        }
    }
}

/// A ConfigMap volume's folder, as kubelet lays it out: files are links through `..data`, which is
/// swapped in one step.
fn swap_in(directory: &Path, files: &[(&str, &str)]) {
    let version = fs::read_dir(directory).expect("the directory").count();
    let folder = format!("..version-{version}");
    fs::create_dir(directory.join(&folder)).expect("make a folder");
    for (name, text) in files {
        fs::write(directory.join(&folder).join(name), text).expect("write a file");
        let link = directory.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).expect("link a file");
        }
    }
    symlink(&folder, directory.join("..data_tmp")).expect("link the folder");
    fs::rename(directory.join("..data_tmp"), directory.join("..data")).expect("swap the folder");
}

/// A running gateway.
pub(crate) struct Gateway {
    child: Mutex<Child>,
    log: Arc<Log>,
    directory: Arc<TempDir>,
    ports: BTreeMap<u16, u16>,
    pub(crate) admin: SocketAddr,
    pub(crate) status: SocketAddr,
    pub(crate) ready: SocketAddr,
}

impl Gateway {
    fn spawn(
        directory: Arc<TempDir>,
        declared: &[u16],
        flags: &[String],
        descriptors: Option<u32>,
    ) -> Self {
        let ports: BTreeMap<u16, u16> =
            declared.iter().map(|port| (*port, ports::free())).collect();
        let local = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let (admin, status, ready) = (local(), local(), local());
        let mut command = program(descriptors);
        command.arg("run").arg(directory.path());
        for (port, bound) in &ports {
            command.arg("--port-map").arg(format!("{port}={bound}"));
        }
        for (flag, address) in [("--admin", admin), ("--status", status), ("--ready", ready)] {
            command.arg(flag).arg(address.to_string());
        }
        if !flags.iter().any(|flag| flag.starts_with("--workers")) {
            command.args(["--workers", "2"]);
        }
        command.args(flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start propylon");
        let log = Arc::new(Log::default());
        log.follow(child.stdout.take().expect("a pipe"));
        log.follow(child.stderr.take().expect("a pipe"));
        Self { child: Mutex::new(child), log, directory, ports, admin, status, ready }
    }

    /// Waits until the readiness port says 200; `false` when the process ends before.
    fn becomes_ready(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.exit_status().is_some() {
                return false;
            }
            if self.answers_ready() {
                return true;
            }
            pause();
        }
        false
    }

    fn answers_ready(&self) -> bool {
        if TcpStream::connect(self.ready).is_err() {
            return false;
        }
        let mut client = Client::connect(self.ready);
        client.send("GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.try_answer("GET").is_ok_and(|answer| answer.status == 200)
    }

    /// The exit status, once the process has ended.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.child.lock().expect("no test panics with it").try_wait().expect("ask the process")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.lock().expect("no test panics with it").id()
    }

    /// Where the Gateway's port is bound.
    pub(crate) fn address(&self, declared: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[&declared]))
    }

    /// The first declared port.
    pub(crate) fn http(&self) -> SocketAddr {
        let bound = self.ports.values().next().expect("a port");
        SocketAddr::from((Ipv4Addr::LOCALHOST, *bound))
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.http())
    }

    /// GET on the first port, for the host `test.example`.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.request("GET", target, &[])
    }

    /// GET for another host.
    pub(crate) fn get_from(&self, host: &str, target: &str) -> Answer {
        self.raw(&format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
    }

    /// A request without a body, for the host `test.example`.
    pub(crate) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut client = self.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\nhost: test.example\r\n{lines}\r\n"));
        client.answer_to(method)
    }

    /// Exactly these bytes on a connection of their own, and the first answer.
    pub(crate) fn raw(&self, bytes: &str) -> Answer {
        let mut client = self.connect();
        client.send(bytes);
        client.answer_to(bytes.split(' ').next().unwrap_or_default())
    }

    /// Writes a file of the served directory, as `cp` does: in place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).expect("write a file");
    }

    /// Writes a file as editors do: beside, then renamed over.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let beside = self.directory.path().join(format!(".{name}.swap"));
        fs::write(&beside, text).expect("write a file");
        fs::rename(beside, self.directory.path().join(name)).expect("rename a file");
    }

    /// Swaps the files of a ConfigMap volume.
    pub(crate) fn swap(&self, files: &[(&str, &str)]) {
        swap_in(self.directory.path(), files);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join(name)).expect("remove a file");
    }

    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).expect("a file")
    }

    /// Copies an example's files over the served ones.
    pub(crate) fn apply(&self, example: &str) {
        copy(&root().join("examples").join(example), self.directory.path());
    }

    /// Everything that the process has printed.
    pub(crate) fn log(&self) -> String {
        self.log.text.lock().expect("no test panics with it").clone()
    }

    /// Waits until the process has printed this.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) {
        self.log.wait(text, |log| log.contains(text));
    }

    /// How many generations have gone live after the first.
    pub(crate) fn reloads(&self) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains("generation ") && line.contains("live"))
            .count()
    }

    /// Waits until one more generation is live than `before`.
    #[track_caller]
    pub(crate) fn reloads_after(&self, before: usize) {
        eventually("the change is live", || self.reloads() > before);
    }

    /// Sends the process a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status()
            .expect("run kill");
        assert!(status.success(), "kill -{name}");
    }

    /// Asks a control address (admin, status, ready).
    pub(crate) fn control(&self, address: SocketAddr, path: &str) -> Answer {
        let mut client = Client::connect(address);
        client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
        client.answer()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}--- end ---", self.log());
        }
    }
}

/// The real binary, with a bound of open files if there is one.
fn program(descriptors: Option<u32>) -> Command {
    let Some(limit) = descriptors else {
        return Command::new(env!("CARGO_BIN_EXE_propylon"));
    };
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_propylon")]);
    shell
}

/// What the process prints, both streams in the order of their lines.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = log.text.lock().expect("no test panics with it");
                text.push_str(&line);
                text.push('\n');
                log.grown.notify_all();
            }
        });
    }

    #[track_caller]
    fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let text = self.text.lock().expect("no test panics with it");
        let (text, timeout) = self
            .grown
            .wait_timeout_while(text, PATIENCE, |text| !holds(text))
            .expect("no test panics with it");
        let said = text.clone();
        drop(text); // A panic with the lock held would hide the log.
        assert!(!timeout.timed_out(), "the log never said {what:?}:\n{said}");
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Copies the YAML files of a folder.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the example") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let name = path.file_name().expect("a name");
            fs::copy(&path, to.join(name)).expect("copy a file");
        }
    }
}
