//! One check as a line of JSON, schema `hc.check/1`, whose shape is that of the API.

use hc_server::wire::check::{CheckBody, Told};

use super::ask::{Asked, Outcome};

/// The line, with its end.
pub(crate) fn line(asked: &Asked, outcome: &Outcome) -> String {
    let body = CheckBody::of(&Told {
        wall: outcome.began,
        target: asked.target.id.as_str(),
        probe: asked.target.probe_name,
        url: Some(&asked.url),
        result: outcome.result.as_str(),
        failure: outcome.failure.as_ref(),
        evidence: Some(&outcome.evidence),
        total: outcome.total,
        is_insecure: asked.is_insecure,
    });
    let mut line = serde_json::to_string(&body).expect("texts and numbers become JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use hc_core::{Connection, Failure, Phase};

    use super::super::tests::failed;
    use super::*;

    /// What the command alone knows is in it too; the shape's own tests are with it.
    #[test]
    fn a_check_of_the_command_becomes_the_line() {
        let failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
        let (mut asked, mut outcome) = failed("http://10.0.0.9/", 0, &[], failure);
        asked.target.id = "api-9".into();
        asked.is_insecure = true;
        outcome.began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_527_985_123);
        outcome.total = Duration::from_micros(12_310);
        outcome.evidence.connection = Some(Connection::New);
        let expected = r#"{"schema":"hc.check/1","time":"2026-11-24T13:46:25.123Z","target":"api-9","probe":"http","url":"http://10.0.0.9/","result":"failure","kind":"unexpected","code":"status","phase":"wait","blame":"target","message":"status: wanted 200-299, found 503","wanted":"200-299","found":"503","connection":"new","retried":false,"total_ms":12.31,"tls":{"insecure":true}}"#;
        assert_eq!(line(&asked, &outcome), format!("{expected}\n"));
    }
}
