use std::time::Duration;

use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::TargetBody;

use super::*;
use crate::see::fixture;

fn judged(texts: &[(&str, &str)], strict: bool) -> ExitCode {
    let targets: Vec<TargetBody> = texts
        .iter()
        .map(|(status, overlay)| fixture::target("a", status, overlay))
        .collect();
    judge(&targets, false, strict)
}

#[test]
fn the_exit_code_is_that_of_the_worst() {
    let well = ("healthy", "");
    assert_eq!(judged(&[], false), ExitCode::Ok);
    assert_eq!(
        judged(&[well, ("degraded", ""), ("healthy", "suspect")], false),
        ExitCode::Ok
    );
    assert_eq!(judged(&[well, ("degraded", "")], true), ExitCode::Failed);
    assert_eq!(
        judged(&[well, ("healthy", "stale")], false),
        ExitCode::Inconclusive
    );
    assert_eq!(
        judged(&[well, ("unknown", "")], false),
        ExitCode::Inconclusive
    );
    assert_eq!(
        judged(&[well, ("of the future", "")], false),
        ExitCode::Inconclusive
    );
    assert_eq!(
        judged(&[("unknown", ""), ("unhealthy", "stale")], false),
        ExitCode::Failed
    );
    assert_eq!(
        judged(&[("unhealthy", "paused"), ("unknown", "paused")], false),
        ExitCode::Ok
    );
    assert_eq!(
        judge([&fixture::target("a", "healthy", "")], true, false),
        ExitCode::Inconclusive
    );
}

/// The screen of the user's contract, at 80 columns.
#[test]
fn the_table_of_the_reference() {
    let fleet = fixture::fleet();
    let targets = fixture::trouble();
    let seen: Vec<&TargetBody> = targets.iter().collect();
    let text = render::table(&fleet, &seen, 200, 80, &fixture::term());
    let expected = "\
hc web1 up 3d4h  200: 196 healthy 1 degraded 3 unhealthy  38.0/s  late 8 ms
STATUS     TARGET  FOR    WHY                                    NEXT
unhealthy  api-1   12m3s  refused in connect: 127.0.0.1:8081 re~ 14s backoff x2
degraded   login   3d1h   certificate: 3d left, wanted 14d       2s
suspect    pay 1/3 0.4s   timeout in wait: no answer within 2 s  0.1s fast
healthy    shop    3d4h                                          2s
and 196 more that are well or paused (-v shows all)
";
    assert_eq!(text, expected);
    let mut quiet = fixture::term();
    quiet.quiet = true;
    let text = render::table(&fleet, &seen[..1], 200, 80, &quiet);
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// An hc that is none may answer anything.
#[test]
fn nothing_of_the_other_side_reaches_the_terminal_raw() {
    let evil = "\u{1b}[2J\u{9b}31m\t\n\u{202e}";
    let mut fleet: FleetBody = fixture::fleet();
    fleet.instance = evil.into();
    let mut target = fixture::target(evil, "unhealthy", evil);
    target.group = Some(evil.into());
    target.since = evil.into();
    target.recent = evil.into();
    target.url = Some(evil.into());
    target.labels.insert(evil.into(), evil.into());
    target.next.reason = evil.into();
    target.why = Some(fixture::why(evil, evil, evil));
    let term = fixture::term();
    let detail = fixture::detail(target.clone());
    let mut on_terminal = term.clone();
    on_terminal.is_terminal = true;
    let mut as_json = term.clone();
    as_json.json = true;
    let seen = [target];
    for text in [
        render::fleet(&fleet, &seen, 1, &term),
        render::fleet(&fleet, &seen, 1, &on_terminal),
        render::fleet(&fleet, &seen, 1, &as_json),
        render::one(&fleet, &detail, &term),
        render::one(&fleet, &detail, &on_terminal),
        render::one(&fleet, &detail, &as_json),
        words::headline(&fleet, Duration::ZERO, 500),
    ] {
        let bad = text
            .chars()
            .find(|c| c.is_control() && !"\t\n".contains(*c));
        assert_eq!(bad, None, "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
    assert_eq!(
        render::fleet(&fleet, &seen, 1, &term).matches('\t').count(),
        6
    );
}
