//! Changes are noticed, whatever way they come. Waits end with the change or with a deadline that
//! only a failure reaches.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};

use super::{Eyes, Signal, Watch, is_elsewhere, matters, settle};

/// Only a failure waits so long.
const DEADLINE: Duration = Duration::from_secs(30);

fn watch(path: &Path) -> (Watch, Receiver<()>) {
    let (sender, receiver) = channel();
    let watch = Watch::new(&[path.to_path_buf()], move || {
        // The test may be over already.
        let _ = sender.send(());
    });
    (watch.unwrap(), receiver)
}

fn notices(changes: &Receiver<()>) -> bool {
    changes.recv_timeout(DEADLINE).is_ok()
}

#[test]
fn a_written_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, "a").unwrap();
    let (_watch, changes) = watch(dir.path());
    fs::write(&file, "b").unwrap();
    assert!(notices(&changes));
}

#[test]
fn a_file_that_is_replaced_again_and_again_is_noticed_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, "a").unwrap();
    let (_watch, changes) = watch(&file);
    for text in ["b", "c", "d"] {
        let temporary = dir.path().join("a.yaml~");
        fs::write(&temporary, text).unwrap();
        fs::rename(&temporary, &file).unwrap();
        assert!(notices(&changes), "{text}");
    }
}

#[test]
fn a_removed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, "a").unwrap();
    let (_watch, changes) = watch(dir.path());
    fs::remove_file(&file).unwrap();
    assert!(notices(&changes));
}

#[test]
fn a_file_in_a_new_directory_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (_watch, changes) = watch(dir.path());
    let sub = dir.path().join("sub");
    fs::create_dir(&sub).unwrap();
    assert!(notices(&changes));
    fs::write(sub.join("a.yaml"), "a").unwrap();
    assert!(notices(&changes));
}

#[cfg(unix)]
#[test]
fn a_swapped_config_map_is_noticed_each_time() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let version = |name: &str| {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("a.yaml"), name).unwrap();
    };
    version("..1");
    symlink("..1", dir.path().join("..data")).unwrap();
    symlink("..data/a.yaml", dir.path().join("a.yaml")).unwrap();
    let (_watch, changes) = watch(dir.path());
    for name in ["..2", "..3"] {
        version(name);
        symlink(name, dir.path().join("..data_tmp")).unwrap();
        fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
        assert!(notices(&changes), "{name}");
    }
}

#[test]
fn a_watch_ends_when_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (watch, changes) = watch(dir.path());
    drop(watch);
    // The thread owns the only sender: the channel closes with it.
    assert_eq!(changes.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn looking_again_finds_what_events_did_not_tell() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    let eyes = Eyes { paths: vec![dir.path().to_path_buf()], watcher: None, seen: BTreeMap::new() };
    let empty = eyes.look();
    fs::write(&file, "a").unwrap();
    let written = eyes.look();
    assert_ne!(empty, written);
    assert_eq!(written, eyes.look());
    fs::write(&file, "longer").unwrap();
    assert_ne!(written, eyes.look());
    fs::remove_file(&file).unwrap();
    assert_eq!(empty, eyes.look());
}

#[test]
fn reading_is_not_a_change_and_writing_is() {
    assert!(!matters(&EventKind::Access(AccessKind::Open(AccessMode::Any))));
    assert!(!matters(&EventKind::Access(AccessKind::Close(AccessMode::Read))));
    assert!(matters(&EventKind::Access(AccessKind::Close(AccessMode::Write))));
    assert!(matters(&EventKind::Modify(ModifyKind::Any)));
}

#[test]
fn a_burst_of_changes_is_one_and_an_end_in_it_is_the_end() {
    let (sender, receiver) = channel();
    for _ in 0..100 {
        sender.send(Signal::Changed).unwrap();
    }
    assert!(settle(&receiver));
    assert!(receiver.try_recv().is_err());
    sender.send(Signal::Changed).unwrap();
    sender.send(Signal::Stop).unwrap();
    assert!(!settle(&receiver));
}

#[test]
fn files_that_are_not_read_may_change_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, yaml, plain) =
        (dir.path().join("run.log"), dir.path().join("a.yaml"), dir.path().join("config"));
    for file in [&log, &yaml, &plain] {
        fs::write(file, "a").unwrap();
    }
    let link = dir.path().join("..data");
    std::os::unix::fs::symlink(&log, &link).unwrap();
    let named = [plain.clone()];
    assert!(is_elsewhere(std::slice::from_ref(&log), &named));
    assert!(!is_elsewhere(&[log.clone(), yaml], &named));
    assert!(!is_elsewhere(&[plain], &named), "the user named it");
    assert!(!is_elsewhere(&[link], &named), "a link may lead anywhere");
    assert!(!is_elsewhere(&[dir.path().to_path_buf()], &named));
    assert!(!is_elsewhere(&[dir.path().join("gone.log")], &named), "it may have been a link");
    assert!(!is_elsewhere(&[], &named), "an event without a place may be about anything");
}
