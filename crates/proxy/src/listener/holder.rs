//! Who holds a port: looks it up in `/proc`, as far as this user may see. Only asked after a bind
//! failed, and only to name the culprit.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// State `LISTEN` in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// `name (process 123)` of a process that listens where `address` cannot be bound.
pub(super) fn of(address: SocketAddr) -> Option<String> {
    // A socket for all IPv6 addresses may take the IPv4 port with it.
    let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port()));
    let mut holders = holders(address).into_iter().chain(holders(all));
    let process = holders.next()?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(format!("{} (process {process})", name.trim()))
}

/// True if every listening socket in the way of `address` is this process's.
pub(super) fn only_ourselves(address: SocketAddr) -> bool {
    let inodes = inodes(address);
    let own = process_inodes(Path::new("/proc/self/fd"));
    !inodes.is_empty() && inodes.iter().all(|inode| own.contains(inode))
}

fn holders(address: SocketAddr) -> Vec<u32> {
    let inodes = inodes(address);
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| {
            let held = process_inodes(Path::new(&format!("/proc/{process}/fd")));
            inodes.iter().any(|inode| held.contains(inode))
        })
        .collect()
}

/// Sockets among a process's descriptors, by inode.
fn process_inodes(descriptors: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(descriptors) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// Inodes of sockets that listen on the port of `address`, at an overlapping address.
fn inodes(address: SocketAddr) -> Vec<u64> {
    let table = if address.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let text = fs::read_to_string(table).unwrap_or_default();
    text.lines().skip(1).filter_map(|line| listening_inode(line, address)).collect()
}

/// The inode of one line of `/proc/net/tcp` if it listens in the way of `address`.
fn listening_inode(line: &str, address: SocketAddr) -> Option<u64> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local_address, local_port) = fields.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(local_port, 16).ok()?;
    let any = local_address.bytes().all(|digit| digit == b'0');
    let overlaps = any || address.ip().is_unspecified() || local_address == hex(address.ip());
    let listens = fields.get(3) == Some(&LISTENING);
    (port == address.port() && listens && overlaps).then_some(())?;
    fields.get(9)?.parse().ok()
}

/// An address as `/proc/net/tcp` prints it: 32-bit words in the machine's byte order.
fn hex(ip: IpAddr) -> String {
    let octets: Vec<u8> = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    octets
        .chunks_exact(4)
        .map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_line_of_proc_is_understood() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 \
                    00000000     \
                    0        0 4242 1 0000000000000000 100 0 0 10 0";
        let here = |text: &str| text.parse::<SocketAddr>().unwrap();
        if cfg!(target_endian = "little") {
            assert_eq!(listening_inode(line, here("127.0.0.1:8080")), Some(4242));
        }
        assert_eq!(listening_inode(line, here("0.0.0.0:8080")), Some(4242));
        assert_eq!(listening_inode(line, here("127.0.0.2:8080")), None);
        assert_eq!(listening_inode(line, here("127.0.0.1:8081")), None);
    }
}
