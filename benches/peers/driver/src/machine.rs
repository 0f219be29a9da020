//! What the kernel knows: CPU time of processes, packets of the loopback, what machine this is.

use std::{fs, io};

/// The kernel's clock for CPU times: 100 ticks a second on every architecture that Linux still runs on.
const TICK_MICROS: u64 = 10_000;

/// Microseconds of CPU that a process has used, its ended threads included.
pub fn cpu_micros(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which is in parentheses and may hold anything.
    let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK_MICROS)
}

/// Whether a process is a driver that runs.
pub fn is_driver(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "driver")
}

/// The processes whose command line holds `text`.
pub fn processes_with(text: &str) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Packets that went over the loopback, whoever sent them.
pub fn loopback_packets() -> Option<u64> {
    let table = fs::read_to_string("/proc/net/dev").ok()?;
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

pub fn cores() -> usize {
    let listed = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    listed.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

pub fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |pair| pair.1);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} cores of {model}, Linux {}", cores(), kernel.trim())
}
