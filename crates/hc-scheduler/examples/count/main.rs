//! One case so many times, to be counted by `valgrind --tool=callgrind`: the instructions of 2N iterations less those
//! of N are those of N, whatever else the process does. Names of cases are stable: a checked-in baseline knows them.
//!
//! `count <case> <iterations>`; without arguments it names its cases, one a line.

#![allow(clippy::print_stdout, reason = "an example prints")]

mod checks;
mod parts;

/// Its name, and what does it so many times.
type Case = (&'static str, fn(u64));

fn main() {
    let mut args = std::env::args().skip(1);
    let (case, times) = (args.next(), args.next());
    let mut cases = parts::CASES.iter().chain(&checks::CASES);
    let Some(case) = case else {
        for (name, _) in cases {
            println!("{name}");
        }
        return;
    };
    let times: u64 = times.and_then(|n| n.parse().ok()).unwrap_or(10_000);
    match cases.find(|(name, _)| *name == case) {
        Some((_, run)) => run(times),
        None => std::process::exit(2),
    }
}
