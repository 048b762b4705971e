//! A file is what was written, or it says nothing.

use std::io::{BufReader, Cursor};
use std::time::Duration;

use hc_config::Imprint;
use hc_core::{Health, Memory, Policy, Start, Timestamp, Verdict, step};
use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What is remembered after those verdicts, a second apart.
fn memory(policy: &Policy, verdicts: &[Verdict]) -> Memory {
    let mut health = Health::new(policy.start(), Timestamp::ZERO);
    let mut now = Timestamp::ZERO;
    for verdict in verdicts {
        now += Duration::from_millis(1_001);
        health = step(policy, health, *verdict, now).0;
    }
    Memory::of(&health, now, at(1_800_000_000))
}

fn imprint(n: u64) -> Imprint {
    let (identity, asked) = (n.wrapping_mul(u64::MAX / 3), !n);
    Imprint { identity, asked }
}

fn write(saved: SystemTime, targets: &[(String, Memory)]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), saved).unwrap();
    for (n, (name, memory)) in targets.iter().enumerate() {
        let line = Line::new(name, imprint(n as u64), memory, None);
        writer.add(&line).unwrap();
    }
    writer.finish().unwrap()
}

type Told = (SystemTime, Vec<(String, Imprint, Memory)>);

fn read_all(bytes: &[u8]) -> Result<Told, Unfit> {
    let mut told = Vec::new();
    // Pieces of a few bytes, as a file on a bad day comes.
    let input = BufReader::with_capacity(7, Cursor::new(bytes));
    let saved = read(
        input,
        |_| true,
        |line| {
            told.push((line.name.to_string(), line.imprint(), line.memory()?));
            Ok(())
        },
    )?;
    Ok((saved, told))
}

fn fleet() -> Vec<(String, Memory)> {
    use Verdict::{Fail, Pass, Warn};
    let policy = Policy::default();
    let mut troubled = memory(&policy, &[Fail(1), Fail(1), Pass]);
    troubled.failed_in = Some(hc_core::Phase::Connect);
    troubled.paused_since = Some(at(7));
    vec![
        ("new".to_owned(), memory(&policy, &[])),
        ("well".to_owned(), memory(&policy, &[Pass; 30])),
        ("\u{1b}\"odd\" \u{1f600}\\".to_owned(), troubled),
        (
            "slow".to_owned(),
            memory(&policy, &[Pass, Warn, Warn, Fail(1)]),
        ),
    ]
}

#[test]
fn what_is_read_is_what_was_written() {
    let fleet = fleet();
    let (saved, told) = read_all(&write(at(5), &fleet)).unwrap();
    assert_eq!(saved, at(5));
    let names_and_all: Vec<_> = fleet
        .into_iter()
        .enumerate()
        .map(|(n, (name, memory))| (name, imprint(n as u64), memory))
        .collect();
    assert_eq!(told, names_and_all);
    assert_eq!(read_all(&write(at(5), &[])).unwrap().1, []);
}

/// As people see it. Who changes this changes `VERSION`, or sees to it that older files are read.
#[test]
fn a_file_is_lines_of_json() {
    let policy = Policy::default();
    let fleet = [("a".to_owned(), memory(&policy, &[Verdict::Pass; 2]))];
    let text = String::from_utf8(write(at(5), &fleet)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        [
            r#"{"format":"hc.state","version":1,"saved":5000000000}"#,
            r#"{"name":"a","identity":0,"asked":18446744073709551615,"health":{"since":1799999998999000000,"decided":true,"heard":true,"recent":2,"passes":2,"clean":2}}"#,
        ]
    );
    assert!(
        lines[2].starts_with(r#"{"end":1,"crc32":""#),
        "{}",
        lines[2]
    );
}

#[test]
fn what_is_cut_off_anywhere_says_nothing() {
    let whole = write(at(5), &fleet());
    for length in 0..whole.len() {
        let found = read_all(&whole[..length]);
        assert!(
            matches!(found, Err(Unfit::Damaged(_))),
            "{length}: {found:?}"
        );
    }
}

#[test]
fn what_has_one_bit_changed_says_nothing() {
    let mut bytes = write(at(5), &fleet());
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = read_all(&bytes);
        assert!(
            matches!(found, Err(Unfit::Damaged(_) | Unfit::Version(_))),
            "{bit}: {found:?}"
        );
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    read_all(&bytes).unwrap();
}

#[track_caller]
fn check(bytes: &[u8], wanted: &str) {
    let error = read_all(bytes).expect_err("it is none").to_string();
    assert_eq!(error, wanted);
}

#[test]
fn what_is_wrong_is_said() {
    let whole = String::from_utf8(write(at(5), &fleet())).unwrap();
    check(b"", "it is damaged: it is empty");
    check(b"precious", "it is damaged: it is cut off in line 1");
    check(
        b"{}\n",
        "it is damaged: line 1: no state of hc begins like that",
    );
    let newer = whole.replace("\"version\":1", "\"version\":2");
    check(
        newer.as_bytes(),
        "it is of version 2, and this hc reads version 1",
    );
    check(
        format!("{whole}\n").as_bytes(),
        "it is damaged: line 6: something follows the end",
    );
    let fewer = whole.replace("\"end\":4", "\"end\":3");
    check(
        fewer.as_bytes(),
        "it is damaged: line 6: the checksum is another",
    );
}

/// Whole, with a right checksum, and with a health that no verdicts lead to: somebody made it.
#[test]
fn what_cannot_be_is_not_believed() {
    let whole = String::from_utf8(write(at(5), &fleet()[1..2])).unwrap();
    let forged = whole.replace("\"heard\":true", "\"failing\":true");
    let body: String = forged.split_inclusive('\n').take(2).collect();
    let sum = crc32fast::hash(body.as_bytes());
    check(
        format!("{body}{}", end(1, sum)).as_bytes(),
        "it is damaged: line 2: it fails and is not impaired",
    );
}

/// An endless file takes no more memory than a line may have.
#[test]
fn a_line_that_does_not_end_is_given_up() {
    let endless = BufReader::new(io::repeat(b'x'));
    let error = read(endless, |_| true, |_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "it is damaged: line 1 does not end");
}

/// A line that is too long would be given up: none that is written is.
#[test]
fn the_longest_line_can_be_read() {
    use hc_core::{CheckResult, Failure, Phase, Span, Status};
    let wide = "\u{1f600}".repeat(200);
    let mut failure = Failure::unexpected("certificate", Phase::Connect, &wide, &wide);
    failure.message = wide.as_str().into();
    let mut past = hc_server::Recollection::default();
    past.why = Some(failure.clone());
    let transition = hc_server::PastTransition {
        wall: at(1 << 33),
        from: Status::Unhealthy,
        to: Status::Unhealthy,
        held: Duration::from_nanos(u64::MAX),
        streak: u32::MAX,
        cause: Some(failure.clone()),
    };
    past.transitions = vec![transition; 20];
    let failed = hc_server::PastFailure {
        wall: at(1 << 33),
        duration: Duration::from_nanos(u64::MAX),
        failure,
    };
    past.failures = vec![failed; 5];
    past.recent = vec![(CheckResult::Pass, Span::of(Duration::MAX)); 30];
    past.certificate_expiry = u64::MAX;
    let memory = memory(&Policy::default(), &[Verdict::Fail(1); 30]);
    let mut writer = Writer::begin(Vec::new(), at(5)).unwrap();
    let line = Line::new(&wide, imprint(1), &memory, Some(&past));
    writer.add(&line).unwrap();
    let bytes = writer.finish().unwrap();
    assert!((bytes.len() as u64) < LONGEST / 2, "{}", bytes.len());
    let mut told = None;
    read(
        &*bytes,
        |_| true,
        |line| {
            told = line.past();
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(told, Some(past));
}

/// What is too old is not looked at any closer, but for its being whole.
#[test]
fn lines_that_nobody_wants_are_not_told() {
    let whole = write(at(5), &fleet());
    let read = |bytes: &[u8]| {
        let each = |line: Line<'_>| panic!("{line:?}");
        read(bytes, |saved| saved > at(5), each)
    };
    assert_eq!(read(&whole).unwrap(), at(5));
    assert!(read(&whole[..whole.len() - 1]).is_err());
}

fn a_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Pass),
        1 => Just(Verdict::Warn),
        3 => (1_u8..4).prop_map(Verdict::Fail),
        1 => Just(Verdict::Inconclusive),
    ]
}

fn a_policy() -> impl Strategy<Value = Policy> {
    let starts = vec![Start::First, Start::Healthy, Start::Unhealthy];
    (1_u32..=5, 1_u32..=5, prop::sample::select(starts)).prop_map(|(rise, fall, start)| {
        let builder = Policy::builder().rise(rise).fall(fall).start(start);
        builder.build().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// A target whose state was saved and read, and that was down for a while, turns when it would have turned, and is
    /// told with the streaks and times that it would have had.
    #[test]
    fn a_restart_changes_nothing(
        policy in a_policy(),
        before in prop::collection::vec(a_verdict(), 0..60),
        after in prop::collection::vec(a_verdict(), 0..40),
        down in 0_u64..300,
    ) {
        let mut health = Health::new(policy.start(), Timestamp::ZERO);
        let mut now = Timestamp::ZERO;
        for verdict in &before {
            now += Duration::from_millis(1_001);
            health = step(&policy, health, *verdict, now).0;
        }
        let wall = at(1_800_000_000);
        let fleet = [("a".to_owned(), Memory::of(&health, now, wall))];
        let (_, told) = read_all(&write(wall, &fleet)).unwrap();
        prop_assert_eq!(&told[0].2, &fleet[0].1);

        let down = Duration::from_secs(down);
        let mut then = Timestamp::from_millis(1 << 40);
        let mut restored = told[0].2.health_at(then, wall + down);
        now += down;
        for verdict in after {
            let (one, turn) = step(&policy, health, verdict, now);
            let (other, same) = step(&policy, restored, verdict, then);
            let what = |turn: Option<hc_core::Turn>| turn.map(|t| (t.from, t.to, t.held, t.streak));
            prop_assert_eq!(what(turn), what(same));
            (health, restored) = (one, other);
            now += Duration::from_secs(1);
            then += Duration::from_secs(1);
        }
    }

    #[test]
    fn whatever_is_read_ends_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_all(&bytes).is_err());
        let mut whole = write(at(5), &[]);
        let end = whole.split_off(whole.len() - 28);
        whole.extend_from_slice(&bytes);
        whole.extend_from_slice(&end);
        prop_assert!(bytes.is_empty() || read_all(&whole).is_err());
    }
}
