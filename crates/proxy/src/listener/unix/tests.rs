//! Socket files: which give way, which stay, and whose are taken away.

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new().unwrap()
}

#[test]
fn a_socket_that_nobody_answers_at_gives_way() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (sockets, _) = bind_file(&path, 2).unwrap();
    assert_eq!(sockets.len(), 2);
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn a_socket_that_somebody_answers_at_and_a_file_that_is_none_stay() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let _held = UnixListener::bind(&path).unwrap();
    assert_eq!(bind_file(&path, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    let file = folder.path().join("letter");
    std::fs::write(&file, "dear").unwrap();
    assert_eq!(bind_file(&file, 1).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "dear");
}

#[test]
fn only_the_file_that_was_made_is_taken_away() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let (_sockets, file) = bind_file(&path, 1).unwrap();
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    file.remove();
    assert!(UnixStream::connect(&path).is_ok());
    let (_sockets, file) = bind_file(&folder.path().join("b.sock"), 1).unwrap();
    file.remove();
    assert!(!folder.path().join("b.sock").exists());
}

#[test]
fn a_name_without_a_file_is_bound_once_and_free_again_when_it_is_closed() {
    let name = format!("propylon-test-{}", std::process::id());
    let sockets = bind_abstract(&name, 2).unwrap();
    assert_eq!(bind_abstract(&name, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    assert!(UnixStream::connect_addr(&address).is_ok());
    drop(sockets);
    assert!(bind_abstract(&name, 1).is_ok());
}
