//! What a process holds, taken between stages of its work.

use std::alloc::System;

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is held at one moment.
#[derive(Clone, Copy)]
struct Held {
    /// Bytes that the allocator was asked for.
    asked: isize,
    /// In so many blocks.
    blocks: isize,
    /// Bytes that the system counts as resident, without files that are mapped.
    resident: isize,
}

/// Runs a stage and tells what it added.
pub(crate) fn stage<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let before = Held::now();
    let made = work();
    let after = Held::now();
    let line = json!({
        "stage": name,
        "asked": after.asked - before.asked,
        "blocks": after.blocks - before.blocks,
        "resident": after.resident - before.resident,
        "resident_in_all": after.resident,
    });
    println!("{line}");
    made
}

impl Held {
    fn now() -> Self {
        let resident = resident();
        let stats = ALLOCATOR.stats();
        let difference = |more: usize, less: usize| more as isize - less as isize;
        Self {
            asked: difference(stats.bytes_allocated, stats.bytes_deallocated),
            blocks: difference(stats.allocations, stats.deallocations),
            resident,
        }
    }
}

fn resident() -> isize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<isize>().ok());
    kib.unwrap_or(0) * 1_024
}
