//! What hyper makes of a case, driven and classified as the kept transport does it.

use std::time::Duration;

use bytes::Bytes;
use hc_core::{Failure, Phase};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};

use super::super::ours::Out;
use super::case::Case;
use crate::classify;
use crate::exchange::{head_size, version_name};

/// Its time stands still while anything has to be done, so a wait is over when nothing is.
pub(super) fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// hyper's outcome. An answer is reusable if another request could be sent after all pieces have come.
pub(super) async fn read(case: &Case) -> Out {
    let (client, server) = duplex(1 << 20);
    let (mut sender, connection) = http1::Builder::new()
        .allow_obsolete_multiline_headers_in_responses(true)
        .max_headers(512)
        .max_buf_size(8_192.max(case.max_headers as usize))
        .handshake::<_, Full<Bytes>>(TokioIo::new(client))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let answer = tokio::time::timeout(Duration::from_secs(86_400), ask(&mut sender, case));
    let (server, answer) = tokio::join!(feed(server, case), answer);
    let mut out = match answer {
        Err(_) => Out::Waits,
        Ok(Err(failure)) => Out::Fails(failure.kind, failure.phase, failure.code),
        Ok(Ok(out)) => out,
    };
    if let Out::Answers { reusable, cut, .. } = &mut out {
        settle().await;
        let ready = tokio::time::timeout(Duration::from_secs(1), sender.ready());
        *reusable = !*cut && matches!(ready.await, Ok(Ok(())));
    }
    drop(server);
    connection.abort();
    out
}

/// Until nobody has anything left to do.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn feed(mut server: DuplexStream, case: &Case) -> DuplexStream {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(server.read_u8().await.unwrap());
    }
    for piece in case.pieces() {
        // The client may have had enough.
        let _ = server.write_all(piece).await;
        settle().await;
    }
    if case.ends {
        let _ = server.shutdown().await;
    }
    server
}

async fn ask(sender: &mut http1::SendRequest<Full<Bytes>>, case: &Case) -> Result<Out, Failure> {
    let method = if case.is_head { "HEAD" } else { "GET" };
    let request = http::Request::builder().method(method).uri("/");
    let request = request.header("host", "x").body(Full::default()).unwrap();
    let first = &case.bytes[..case.bytes.len().min(80)];
    let failed = |error: hyper::Error, phase, first| {
        classify::exchange_error(&error, phase, first, case.max_headers)
    };
    let answer = sender.send_request(request).await;
    let (head, mut incoming) = answer
        .map_err(|error| failed(error, Phase::Wait, first))?
        .into_parts();
    if head_size(&head.headers) > u64::from(case.max_headers) {
        return Err(classify::too_many_headers(case.max_headers));
    }
    let limit = usize::try_from(case.max_body).unwrap();
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failed(error, Phase::Receive, &[]))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = limit - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Out::Answers {
        status: head.status.as_u16(),
        version: version_name(head.version),
        body,
        cut,
        reusable: false,
        keep_alive: None,
    })
}
