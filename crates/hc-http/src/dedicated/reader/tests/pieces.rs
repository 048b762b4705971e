//! Random answers in random pieces: where they are cut never matters.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn pieces_never_matter(
        head in prop::sample::select(vec![
            "HTTP/1.1 200 OK|", "HTTP/1.0 200 OK|", "HTTP/1.1 204 No Content|", "|HTTP/1.1 404|",
            "HTTP/1.1 100 Continue||HTTP/1.1 200 OK|",
        ]),
        headers in prop::collection::vec(prop::sample::select(vec![
            "Content-Length: 5|", "Content-Length: 0|", "Transfer-Encoding: chunked|", "Connection: close|",
            "Connection: keep-alive|", "X: y| z|", "X:|", "Broken|", "Keep-Alive: timeout=5|",
        ]), 0..5),
        body in prop::sample::select(vec![
            "", "hello", "hello, world", "5|hello|0||", "5;x|hello|0|T: x||", "3|abc|2|d", "zzz|",
        ]),
        cuts in prop::collection::vec(0.0..1.0_f64, 0..6),
        max_body in prop::sample::select(vec![0_u64, 3, 5, 1_000]),
        ends in any::<bool>(),
    ) {
        let bytes = wire(&format!("{head}{}|{body}", headers.concat()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in a short text")]
        let mut places: Vec<_> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let asked = Asked { max_body, ..ASKED };
        prop_assert_eq!(read(asked, &pieces, ends), read(asked, &[&bytes], ends));
    }
}
