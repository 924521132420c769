//! Listening sockets of the local stack: each is bound to the loopback address.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::stack::Stack;

/// Code of the state LISTEN in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// A stack on a laptop holds test credentials and serves every client, so none of its sockets may be reachable from
/// outside.
#[test]
#[ignore = "needs the local stack: make test"]
fn only_this_machine_reaches_the_stack() {
    if !Path::new("/proc/net/tcp").exists() {
        return; // not Linux
    }
    let stack = Stack::from_environment();
    let group = fs::read_to_string(stack.folder().join("ministack.pid")).unwrap();
    let sockets = sockets_of_group(group.trim());
    let (mut loopback, mut others) = (Vec::new(), Vec::new());
    for (address, inode) in listening() {
        if sockets.contains(&inode) {
            let list = if is_loopback(&address) { &mut loopback } else { &mut others };
            list.push(address);
        }
    }
    assert!(!loopback.is_empty(), "the stack's own port is not among {} sockets", sockets.len());
    assert!(others.is_empty(), "{others:?}");
}

/// Inodes of the sockets that processes of this group hold.
fn sockets_of_group(group: &str) -> BTreeSet<String> {
    let mut inodes = BTreeSet::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
        // After the name, which ends with the last parenthesis: state, parent, group.
        let member = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(2));
        if member != Some(group) {
            continue;
        }
        for descriptor in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let target = target.to_string_lossy();
            inodes.extend(target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
        }
    }
    inodes
}

/// Local address in hexadecimal, with its port, and inode of every listening socket.
fn listening() -> Vec<(String, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let fields = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    fields.filter(|row| row.get(3) == Some(&LISTEN)).map(|row| (row[1].to_owned(), row[9].to_owned())).collect()
}

/// Returns true for 127.0.0.0/8 and ::1 in the kernel's notation: each word of 32 bits in the machine's own byte order.
fn is_loopback(address: &str) -> bool {
    let host = address.split_once(':').map_or("", |(host, _)| host);
    match host.len() {
        8 => host.ends_with("7F"),
        _ => host == "00000000000000000000000001000000",
    }
}
