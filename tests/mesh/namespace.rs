//! A network namespace: held by a process that sleeps in it, gone with that.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::program::search_path;

/// A network namespace with its own idea of name servers.
pub(crate) struct Namespace {
    holder: Child,
    _resolver: TempDir,
}

impl Namespace {
    /// A namespace that has only loopback and asks this name server.
    pub(crate) fn new(name_server: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("resolv.conf");
        fs::write(&file, format!("nameserver {name_server}\noptions timeout:2\n")).expect("write");
        let script = "mount --bind \"$0\" /etc/resolv.conf && ip link set lo up && \
                      echo 0 >/proc/sys/net/ipv4/ip_forward && echo ready && exec sleep infinity";
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", script])
            .arg(&file)
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("make a namespace");
        let mut said = String::new();
        let stdout = holder.stdout.as_mut().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("read a line");
        assert_eq!(said.trim(), "ready", "the namespace could not be made");
        Self { holder, _resolver: directory }
    }

    fn id(&self) -> String {
        self.holder.id().to_string()
    }

    /// A command that runs inside, as this user where one is given.
    pub(crate) fn command(&self, user: Option<u32>, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.id(), "--net", "--mount", "--"]);
        if let Some(user) = user {
            command.args(["setpriv", "--reuid", &user.to_string(), "--clear-groups", "--"]);
        }
        command.args(words).env("PATH", search_path()).stdin(Stdio::null());
        command
    }

    /// Runs a command inside; what it printed.
    pub(crate) fn output(&self, user: Option<u32>, words: &[&str]) -> Output {
        self.command(user, words).output().expect("run a command")
    }

    /// Runs a command inside that has to succeed; what it printed.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.output(None, words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the wires to it are called at their other ends.
    pub(crate) fn link(&self) -> String {
        format!("to{}", self.id())
    }

    /// Joins two namespaces by a wire, each end with an address and its prefix.
    pub(crate) fn wire(&self, own: &str, other: &Self, others: &str) {
        let (link, back) = (other.link(), self.link());
        let (id, other_id) = (self.id(), other.id());
        let words = ["ip", "link", "add", &link, "netns", &id, "type", "veth", "peer", "name"];
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args([&back, "netns", &other_id]);
        assert!(command.status().expect("run ip").success(), "make a wire");
        for (end, link, address) in [(self, &link, own), (other, &back, others)] {
            end.run(&["ip", "address", "add", address, "dev", link]);
            end.run(&["ip", "link", "set", link, "up"]);
        }
    }

    /// Does something in a thread that is inside. Sockets made there stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/proc/{}/ns/net", self.id());
        let entered = move || {
            let namespace = File::open(Path::new(&path)).expect("the namespace");
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("enter the namespace");
            work()
        };
        thread::scope(|scope| scope.spawn(entered).join().expect("no panic inside"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
