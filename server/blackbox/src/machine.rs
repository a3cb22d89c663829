//! The machine and its processes, read from `/proc`.

use crate::Fault;
use std::path::Path;
use std::process::Command;

/// Returns the number of cores for this process, which the service uses for hashing.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the CPU seconds of a process, in user and system mode.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn cpu_s(process: u32) -> Result<f64, Fault> {
    let times = stat(&process.to_string())?;
    Ok((times[0] + times[1]) / ticks_a_second())
}

/// Returns the CPU seconds of this process and its ended child processes.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn own_cpu_s() -> Result<f64, Fault> {
    Ok(stat("self")?.iter().sum::<f64>() / ticks_a_second())
}

/// Returns the CPU seconds of a process and its descendants, including ended ones.
///
/// # Errors
/// Fails if the process doesn't exist.
pub fn family_cpu_s(process: u32) -> Result<f64, Fault> {
    // Children first: one that ends meanwhile is counted twice instead of not at all.
    let living: f64 = children(process)?
        .into_iter()
        .filter_map(|child| cpu_s(child).ok())
        .sum();
    let own: f64 = stat(&process.to_string())?.iter().sum();
    Ok(living + own / ticks_a_second())
}

/// Returns the memory of a process and its descendants in MiB; shared memory is counted once (`Pss`).
///
/// # Errors
/// Fails if the process doesn't exist or belongs to another user.
pub fn family_memory_mib(process: u32) -> Result<f64, Fault> {
    let proportional = |process: u32| kib_mib(&format!("/proc/{process}/smaps_rollup"), "Pss");
    let children = children(process)?;
    let living: f64 = children.into_iter().filter_map(|child| proportional(child).ok()).sum();
    Ok(living + proportional(process)?)
}

/// Returns the size of a file or folder in MiB; 0 if it doesn't exist.
#[must_use]
pub fn size_mib(path: &Path) -> f64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return 0.0;
    };
    if !metadata.is_dir() {
        return metadata.len() as f64 / 1_048_576.0;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_mib(&entry.path())).sum()
}

/// Returns the busy seconds of all cores, including time stolen by other virtual machines.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn busy_s() -> Result<f64, Fault> {
    let text = read("/proc/stat")?;
    let numbers = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks = numbers
        .take(8)
        .filter_map(|number| number.parse::<f64>().ok())
        .collect::<Vec<_>>();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy = ticks
        .iter()
        .enumerate()
        .filter(|(column, _)| !matches!(column, 3 | 4))
        .map(|(_, ticks)| ticks);
    Ok(busy.sum::<f64>() / ticks_a_second())
}

/// Returns a KiB value of `/proc/PID/status` (`VmRSS`, `VmHWM`) in MiB.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn memory_mib(process: u32, name: &str) -> Result<f64, Fault> {
    kib_mib(&format!("/proc/{process}/status"), name)
}

/// Returns the load averages over 1, 5 and 15 minutes.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn load() -> Result<String, Fault> {
    Ok(read("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Returns the date and the machine.
///
/// # Errors
/// Fails if `/proc` can't be read.
pub fn describe() -> Result<String, Fault> {
    let processor = read("/proc/cpuinfo")?;
    let named = |name: &str| {
        let value = |line: &str| {
            Some(
                line.strip_prefix(name)?
                    .trim_start()
                    .strip_prefix(':')?
                    .trim()
                    .to_owned(),
            )
        };
        processor.lines().find_map(value)
    };
    let model = named("model name")
        .filter(|model| model != "unknown")
        .unwrap_or_else(|| {
            // Some virtual machines hide the model name.
            let part = |name| named(name).unwrap_or_else(|| "?".into());
            format!(
                "{} family {} model {}",
                part("vendor_id"),
                part("cpu family"),
                part("model")
            )
        });
    let date = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    let date = date
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    Ok(format!(
        "{date}; {} × {model}; release build, logs at `info` into a file.",
        cores()
    ))
}

/// Parses a line `Name:  123 kB`; returns MiB.
fn kib_mib(path: &str, name: &str) -> Result<f64, Fault> {
    let text = read(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| format!("{path} has no {name}"))
}

/// Returns the running child processes of a process.
fn children(process: u32) -> Result<Vec<u32>, Fault> {
    let all = std::fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?;
    let numbers = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|number| parent(*number) == Some(process)).collect())
}

fn parent(process: u32) -> Option<u32> {
    let text = read(&format!("/proc/{process}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the user and system time of a process, then of its ended children, in ticks.
fn stat(process: &str) -> Result<[f64; 4], Fault> {
    let text = read(&format!("/proc/{process}/stat"))?;
    // The name in parentheses may contain spaces; the fields follow 11 positions later.
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let mut numbers = after
        .split_whitespace()
        .skip(11)
        .map_while(|number| number.parse().ok());
    let mut next = || {
        numbers
            .next()
            .ok_or_else(|| format!("/proc/{process}/stat does not read"))
    };
    Ok([next()?, next()?, next()?, next()?])
}

fn ticks_a_second() -> f64 {
    use std::sync::OnceLock;
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let output = Command::new("getconf").arg("CLK_TCK").output().ok();
        let ticks = output.and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse().ok());
        ticks.unwrap_or(100.0)
    })
}

fn read(path: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
