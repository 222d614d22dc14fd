//! Changes are noticed, whatever way they come. Waits end with the change or with a deadline that
//! only a failure reaches.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::Watch;

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
