//! The reader against hyper: the same bytes in the same pieces must give the same outcome, and no connection may be
//! reused that hyper would not reuse.
//!
//! `cargo xtask fuzz` runs this for long with ever new seeds. `HC_FUZZ_SEED` and `HC_FUZZ_CASES` set one run. A find
//! is made small, written to `corpus/finds`, and from then on tested each time; `corpus/seeds` was written by hand.

mod case;
mod excused;
mod make;
mod theirs;

use std::path::{Path, PathBuf};

use hc_core::{Kind, Phase};
use tokio::runtime::Runtime;

use self::case::Case;
use super::ours::{self, Out};

/// What a run without settings does: some seconds.
const CASES: u64 = 15_000;

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/dedicated/reader/corpus")
        .join(folder)
}

fn cases(folder: &str) -> Vec<(PathBuf, Case)> {
    let mut paths: Vec<_> = std::fs::read_dir(corpus(folder))
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default();
    paths.retain(|path: &PathBuf| path.extension().is_some_and(|name| name == "case"));
    paths.sort();
    let read = |path: PathBuf| {
        let case = Case::from_file(&std::fs::read(&path).unwrap());
        (path, case)
    };
    paths.into_iter().map(read).collect()
}

/// What is wrong with the reader's outcome, if anything.
fn flaw(runtime: &Runtime, case: &Case) -> Option<String> {
    let asked = case.asked();
    let split = ours::read(asked, &case.pieces(), case.ends);
    let whole = ours::read(asked, &[&case.bytes], case.ends);
    // Without an end, a broken head that comes slowly is noticed later.
    let later = |out: &Out| {
        let early = [
            Out::Fails(Kind::Protocol, Some(Phase::Wait), Some("not_http")),
            Out::Fails(Kind::Limit, Some(Phase::Wait), Some("headers")),
        ];
        !case.ends && split == Out::Waits && early.contains(out)
    };
    if split != whole && !later(&whole) {
        return Some(format!("in pieces {split:?}, in one {whole:?}"));
    }
    let theirs = runtime.block_on(theirs::read(case));
    if let (
        Out::Answers { reusable: true, .. },
        Out::Answers {
            reusable: false, ..
        },
    ) = (&split, &theirs)
        && !case.ends
    {
        return Some("we reuse, hyper does not".to_owned());
    }
    if is_same(&split, &theirs) || excused::reason(case, &split, &theirs).is_some() {
        return None;
    }
    Some(format!("ours {split:?}, hyper's {theirs:?}"))
}

/// The same but for the fate of the connection.
fn is_same(ours: &Out, theirs: &Out) -> bool {
    let bare = |out: &Out| {
        let mut out = out.clone();
        if let Out::Answers {
            reusable,
            keep_alive,
            ..
        } = &mut out
        {
            (*reusable, *keep_alive) = (false, None);
        }
        out
    };
    bare(ours) == bare(theirs)
}

/// Takes away whatever is not needed for the flaw.
fn smaller(runtime: &Runtime, mut case: Case) -> Case {
    let mut size = case.bytes.len().max(1);
    while size > 0 {
        let mut at = 0;
        while at < case.bytes.len() {
            let mut less = case.clone();
            less.bytes.drain(at..(at + size).min(case.bytes.len()));
            match flaw(runtime, &less) {
                Some(_) => case = less,
                None => at += size,
            }
        }
        size /= 2;
    }
    for at in (0..case.cuts.len()).rev() {
        let mut less = case.clone();
        less.cuts.remove(at);
        if flaw(runtime, &less).is_some() {
            case = less;
        }
    }
    case
}

#[test]
fn seeds_and_finds_hold() {
    let runtime = theirs::runtime();
    let known: Vec<_> = ["seeds", "finds"].into_iter().flat_map(cases).collect();
    assert!(known.len() > 20, "the corpus is there");
    for (path, case) in known {
        for cuts in [
            case.cuts.clone(),
            Vec::new(),
            (0..case.bytes.len()).collect(),
        ] {
            for ends in [case.ends, !case.ends] {
                let case = Case {
                    cuts: cuts.clone(),
                    ends,
                    ..case.clone()
                };
                if let Some(flaw) = flaw(&runtime, &case) {
                    panic!("{}: {flaw}, of {case:?}", path.display());
                }
            }
        }
    }
}

#[test]
fn mutations_hold() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("HC_FUZZ_SEED").unwrap_or(15);
    let count = number("HC_FUZZ_CASES").unwrap_or(CASES);
    let runtime = theirs::runtime();
    let seeds: Vec<_> = cases("seeds").into_iter().map(|(_, case)| case).collect();
    let mut rng = fastrand::Rng::with_seed(seed);
    for nth in 0..count {
        let case = make::case(&mut rng, &seeds);
        if flaw(&runtime, &case).is_none() {
            continue;
        }
        let case = smaller(&runtime, case);
        let path = corpus("finds").join(format!("seed{seed}-{nth}.case"));
        std::fs::create_dir_all(corpus("finds")).unwrap();
        std::fs::write(&path, case.to_file()).unwrap();
        let flaw = flaw(&runtime, &case).unwrap_or_default();
        let shown = String::from_utf8_lossy(&case.bytes);
        panic!(
            "{flaw}\nof {shown:?}\n{case:?}\nwritten to {}",
            path.display()
        );
    }
}
