//! The proxies: how each is started on core 0 with one worker, and asked for its CPU time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;

/// A proxy that may be measured.
pub struct Peer {
    pub name: &'static str,
    port: u16,
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

impl Peer {
    /// All of them, in the order of the report.
    pub fn all(here: &Path, propylon: &Path, envoy: &Path) -> Vec<Self> {
        let words = |program: &Path, rest: &str| -> Vec<String> {
            let mut words = vec![program.display().to_string()];
            words.extend(rest.split_whitespace().map(str::to_owned));
            words
        };
        let peer = |name, port, command| Self { name, port, command, here: here.into() };
        let ours =
            "run propylon --port-map 80=14000 --workers 1 --admin off --status off --ready off";
        let nginx = format!("-p {} -c peers/nginx.conf", here.display());
        vec![
            peer("propylon", 14000, words(propylon, ours)),
            peer(
                "envoy",
                11000,
                words(envoy, "-c peers/envoy.json --concurrency 1 -l error --disable-hot-restart"),
            ),
            peer("nginx", 12000, words(Path::new("nginx"), &nginx)),
            peer("haproxy", 13000, words(Path::new("haproxy"), "-db -q -f peers/haproxy.cfg")),
        ]
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
    pub fn name(&self) -> &'static str {
        self.peer.name
    }

    pub fn port(&self) -> u16 {
        self.peer.port
    }

    pub fn first_answer(&self) -> Duration {
        self.first_answer
    }

    pub fn resident_kib(&self) -> u64 {
        cpu::resident_kib(self.child.id())
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
