//! Where a page of targets ends: the sort key of its last item, so that the next page goes on behind it whatever was
//! added, removed or turned meanwhile. A forged one names another place and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Longer ones are none of ours: a name has 200 characters at most.
const LONGEST: usize = 2_000;

/// A place among sorted targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    /// How much trouble it is in; 0 where names alone sort.
    pub(super) rank: u64,
    /// Its name.
    pub(super) name: String,
}

#[derive(Serialize, Deserialize)]
struct Written(u8, char, Place);

const VERSION: u8 = 1;

/// Writes a place among targets that are sorted so.
pub(super) fn write(sort: char, place: Place) -> String {
    // A number, a letter and a text cannot fail to be written.
    let text = serde_json::to_vec(&Written(VERSION, sort, place)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(text)
}

/// Reads it back, if it is of the same sort.
pub(super) fn read(sort: char, text: &str) -> Option<Place> {
    if text.len() > LONGEST {
        return None;
    }
    let text = URL_SAFE_NO_PAD.decode(text).ok()?;
    let Written(version, of, place) = serde_json::from_slice(&text).ok()?;
    (version == VERSION && of == sort).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_only_where_it_fits() {
        let place = Place {
            rank: 7,
            name: "api \u{1F980}".to_owned(),
        };
        let text = write('n', place.clone());
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(read('n', &text), Some(place));
        assert_eq!(read('t', &text), None);
        for forged in [
            "",
            "x",
            "e30",
            "bnVsbA",
            "WzIsIm4iLHsicmFuayI6MSwibmFtZSI6IiJ9XQ",
            &"A".repeat(LONGEST + 1),
        ] {
            assert_eq!(read('n', forged), None, "{forged:.40}");
        }
    }
}
