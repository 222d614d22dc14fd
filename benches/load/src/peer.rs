//! The proxies: how each is started on core 0 with one worker, and asked for its CPU time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::workload::Entry;

/// A proxy that may be measured.
#[derive(Clone)]
pub struct Peer {
    pub name: &'static str,
    /// Connections that its configuration allows where descriptors are few.
    pub connections_max: usize,
    /// The port of [`Entry::Http`]; the others follow from it.
    port: u16,
    /// HTTP/2 in plaintext needs a port of its own.
    splits_http2: bool,
    command: Vec<String>,
    here: PathBuf,
}

/// A proxy that is being measured; dropping it ends it.
pub struct Running {
    peer: Peer,
    child: Child,
    first_answer: Duration,
}

/// Longest wait for a proxy's first answer.
const START_MAX: Duration = Duration::from_secs(20);

/// Propylon without its control ports.
const OURS: &str = "run propylon --workers 1 --admin off --status off --ready off";

/// The standard ports of its Gateway, and how far from the first port each is to be found.
const MAPPED: [(u16, u16); 5] = [(80, 0), (443, 443), (9001, 1), (9002, 2), (9004, 4)];

const ENVOYS: &str = "-c peers/envoy.json --concurrency 1 -l error --disable-hot-restart";

impl Peer {
    /// All of them, in the order of the report; `before` is an older Propylon to compare with.
    pub fn all(here: &Path, (propylon, before): (&Path, Option<&Path>), envoy: &Path) -> Vec<Self> {
        let peer = |name, port, program: &Path, options: &str| Self {
            name,
            connections_max: usize::MAX,
            port,
            splits_http2: false,
            command: std::iter::once(program.display().to_string())
                .chain(options.split_whitespace().map(str::to_owned))
                .collect(),
            here: here.into(),
        };
        let nginx = format!("-p {} -c peers/nginx.conf", here.display());
        let ours = |name, port: u16, program| {
            let mapped = MAPPED.map(|(from, to)| format!(" --port-map {from}={}", port + to));
            peer(name, port, program, &(OURS.to_owned() + &mapped.concat()))
        };
        let mut all = vec![ours("propylon", 14000, propylon)];
        all.extend(before.map(|program| ours("before", 15000, program)));
        all.extend([
            peer("envoy", 11000, envoy, ENVOYS),
            Self { splits_http2: true, ..peer("nginx", 12000, Path::new("nginx"), &nginx) },
            Self {
                splits_http2: true,
                connections_max: 9_500,
                ..peer("haproxy", 13000, Path::new("haproxy"), "-db -q -f peers/haproxy.cfg")
            },
        ]);
        all
    }

    /// Where it takes what comes in at `entry`.
    pub fn port(&self, entry: Entry) -> u16 {
        self.port
            + match entry {
                Entry::Http => 0,
                Entry::Tcp => 1,
                Entry::Grpc => 2,
                Entry::Http2 if self.splits_http2 => 3,
                Entry::Http2 => 0,
                Entry::Source => 4,
                Entry::Tls => 443,
            }
    }

    /// Starts it and waits for its first answer.
    pub fn start(self) -> Result<Running, String> {
        let begun = Instant::now();
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .args(&self.command)
            .current_dir(&self.here)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.command[0]))?;
        let mut running = Running { peer: self, child, first_answer: Duration::ZERO };
        loop {
            if running.answers() {
                running.first_answer = begun.elapsed();
                return Ok(running);
            }
            if let Ok(Some(status)) = running.child.try_wait() {
                let mut said = String::new();
                if let Some(stderr) = &mut running.child.stderr {
                    let _ = stderr.read_to_string(&mut said);
                }
                return Err(format!("ended with {status}: {}", said.trim()));
            }
            if begun.elapsed() > START_MAX {
                return Err("no answer".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Running {
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    pub fn name(&self) -> &'static str {
        self.peer.name
    }

    pub fn first_answer(&self) -> Duration {
        self.first_answer
    }

    pub fn resident_kib(&self) -> u64 {
        cpu::resident_kib(self.child.id())
    }

    pub fn anonymous_kib(&self) -> u64 {
        cpu::anonymous_kib(self.child.id())
    }

    pub fn cpu(&self) -> std::io::Result<Duration> {
        cpu::used(self.child.id())
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.peer.port)) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let sent = stream.write_all(b"GET /api/v1/items HTTP/1.1\r\nHost: bench.local\r\n\r\n");
        let mut buf = [0; 12];
        sent.is_ok() && stream.read_exact(&mut buf).is_ok() && buf.ends_with(b"200")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
