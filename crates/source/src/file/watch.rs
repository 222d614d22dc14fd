//! Notices that configuration changed: by events of the file system, and by looking every few
//! seconds where those do not come (network file systems, exhausted watches).
//!
//! Bursts become one call. Survives editors that rename and replace, and the link that Kubernetes
//! swaps in a mounted ConfigMap. Says only that something changed; the caller reads everything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::listing::{is_configuration, list};

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<Signal>,
    degraded: Option<String>,
}

#[derive(Debug)]
enum Signal {
    Changed,
    Stop,
}

impl Watch {
    /// Calls `on_change` from a thread of its own, after changes to any of the paths or to
    /// anything below them, once they have been quiet for 100 ms or went on for 1 s. It may be
    /// called when nothing changed in effect.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn new(paths: &[PathBuf], on_change: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let events = sender.clone();
        let named = paths.to_vec();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !matters(&event.kind) || is_elsewhere(&event.paths, &named))
            {
                return;
            }
            // The receiver is gone only while the watch ends.
            let _ = events.send(Signal::Changed);
        });
        let (watcher, degraded) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut eyes = Eyes { paths: paths.to_vec(), watcher, seen: BTreeMap::new() };
        let refused = eyes.arm();
        eyes.seen = eyes.look();
        thread::Builder::new()
            .name("config-watch".to_owned())
            .spawn(move || eyes.run(&receiver, on_change))?;
        Ok(Self { stop: sender, degraded: degraded.or(refused) })
    }

    /// Why changes are noticed only by looking every 10 s, if that is so.
    #[must_use]
    pub fn degraded(&self) -> Option<&str> {
        self.degraded.as_deref()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The thread may have ended already.
        let _ = self.stop.send(Signal::Stop);
    }
}

/// Reading a file is an event, too, and none of ours.
fn matters(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// True if all that happened is in files that are not read: a log that the gateway itself writes
/// beside its configuration must not make it read for ever. Links and directories count: they may
/// lead to files that are read, and so does what is gone.
fn is_elsewhere(happened: &[PathBuf], named: &[PathBuf]) -> bool {
    let is_named = |path: &Path| named.iter().any(|name| name.file_name() == path.file_name());
    let is_other = |path: &PathBuf| {
        let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        is_file && !is_configuration(path) && !is_named(path)
    };
    !happened.is_empty() && happened.iter().all(is_other)
}

/// What the thread owns.
struct Eyes {
    paths: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    seen: BTreeMap<PathBuf, Trace>,
}

/// What tells that a file is another one than before.
type Trace = Option<(SystemTime, u64)>;

impl Eyes {
    fn run(mut self, signals: &Receiver<Signal>, on_change: impl Fn()) {
        let mut wait = LOOK_INTERVAL;
        loop {
            match signals.recv_timeout(wait) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Signal::Changed) => {
                    if !settle(signals) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if wait == LOOK_INTERVAL && self.look() == self.seen {
                        continue;
                    }
                }
            }
            // Directories may be new: watch them before reading, so that nothing falls between.
            self.arm();
            self.seen = self.look();
            let written = self.is_written();
            on_change();
            // What is being written is left out of a reading, so another must follow soon.
            wait = if written { QUIET } else { LOOK_INTERVAL };
        }
    }

    /// Whether somebody wrote to a file a moment ago, and may not be done.
    fn is_written(&self) -> bool {
        let mut times = self.seen.values().flatten().map(|(modified, _)| modified);
        times.any(|modified| modified.elapsed().is_ok_and(|age| age < SETTLED))
    }

    /// Watches the directories that are read, and no others. Says what is refused.
    fn arm(&mut self) -> Option<String> {
        let watcher = self.watcher.as_mut()?;
        let mut directories = list(&self.paths).directories;
        directories.extend(self.paths.iter().flat_map(|path| around(path)));
        let mut refused = None;
        for directory in directories {
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                Err(error) => {
                    refused.get_or_insert(error.to_string());
                }
            }
        }
        refused
    }

    fn look(&self) -> BTreeMap<PathBuf, Trace> {
        let listing = list(&self.paths);
        let trace = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        let files = listing.files.into_iter().map(|path| {
            let trace = trace(&path);
            (fs::canonicalize(&path).unwrap_or(path), trace)
        });
        files.chain(listing.failures.into_iter().map(|(path, _)| (path, None))).collect()
    }
}

/// Waits until no change came for a while. False: the watch ends.
fn settle(signals: &Receiver<Signal>) -> bool {
    let deadline = Instant::now() + BURST_MAX;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        match signals.recv_timeout(QUIET.min(left)) {
            Ok(Signal::Changed) => {}
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => return true,
        }
    }
}

/// The directories around one path. A file is watched through its directory, because editors
/// replace it; a link through its own directory, too, because it may come to lead elsewhere.
fn around(path: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_path_buf(),
        None => path.to_path_buf(),
    };
    let mut around = Vec::new();
    if path.is_symlink() || !path.is_dir() {
        around.push(parent(path));
    }
    if path.is_symlink()
        && let Ok(real) = fs::canonicalize(path)
        && !real.is_dir()
    {
        around.push(parent(&real));
    }
    around
}

/// A file that nobody wrote to for this long is whole. Shorter than the quiet after which changes
/// are told, so that a reading after a change finds the changed file settled.
pub const SETTLED: Duration = Duration::from_millis(50);

/// Istio's own debounce of files: an editor's or `kubectl cp`'s burst is over after this.
const QUIET: Duration = Duration::from_millis(100);

/// A stream of changes that never pauses must not keep the first one waiting for ever.
const BURST_MAX: Duration = Duration::from_secs(1);

/// How often to look where no events come: cheap, and soon enough for a person who waits.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
