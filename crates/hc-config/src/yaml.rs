//! From YAML 1.2 text to a tree, within bounds: depth, copies by aliases. Duplicate keys are refused, `<<` merges.
//!
//! Built on the parser's events, not on a loader: a loader recurses, drops quotes, and expands aliases before one
//! can count them.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::diagnostic::{Finding, Findings};
use crate::place::{Place, lines};
use crate::tree::{Entry, Node, Scalar, Value};

/// Maps and lists inside each other. The deepest legal config needs 8; deeper ones only cost stack.
const DEEPEST: usize = 64;

/// Values that aliases and `<<` may stand for in all. 10,000 targets that each merge a dozen keys need 120,000.
const MOST_COPIES: usize = 1_000_000;

/// Parses one document. Reports at most one syntax error (what follows it is guesswork), but all duplicate keys.
/// `None` when there is nothing to read on with, or nothing in it.
pub(crate) fn parse<'a>(text: &'a str, source: u32, findings: &'a mut Findings) -> Option<Node> {
    let mut builder = Builder {
        source,
        findings,
        open: Vec::new(),
        anchors: HashMap::new(),
        copies: 0,
        root: None,
        lines: lines(text).collect(),
    };
    builder.run(text).map_or_else(
        |error| {
            builder.findings.push(*error);
            None
        },
        |()| builder.root.take().map(|(node, _)| node),
    )
}

type Step = Result<(), Box<Finding>>;

/// A map or list whose end has not come yet.
struct Open {
    anchor: usize,
    place: Place,
    kind: Kind,
    /// How many values it holds, itself included: what an alias to it costs.
    weight: usize,
}

enum Kind {
    List(Vec<Node>),
    Map(MapInMaking),
}

#[derive(Default)]
struct MapInMaking {
    entries: Vec<Entry>,
    index: HashMap<Arc<str>, Place>,
    merges: Vec<(Node, usize)>,
    key: Option<Key>,
}

struct Key {
    text: Arc<str>,
    place: Place,
    is_merge: bool,
}

struct Builder<'a> {
    source: u32,
    findings: &'a mut Findings,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    copies: usize,
    root: Option<(Node, usize)>,
    lines: Vec<&'a str>,
}

impl Builder<'_> {
    fn run(&mut self, text: &str) -> Step {
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) =
                event.map_err(|error| self.syntax(*error.marker(), error.info()))?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let message = "a second document begins here".to_owned();
                        return Err(Box::new(
                            Finding::error("many-documents", self.place(span), "", message).hint(
                                "keep one document a file; use `include` for more".to_owned(),
                            ),
                        ));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span)?;
                    let plain = style == ScalarStyle::Plain;
                    let scalar = Scalar {
                        text: text.into_owned(),
                        plain,
                        literal: false,
                    };
                    let place = self.place(span);
                    let node = Node {
                        place,
                        value: Arc::new(Value::Scalar(scalar)),
                    };
                    self.value(node, 1, anchor)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span)?;
                    self.begin(anchor, span, Kind::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span)?;
                    self.begin(anchor, span, Kind::Map(MapInMaking::default()))?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Alias(id) => self.alias(id, span)?,
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, span: Span, kind: Kind) -> Step {
        let place = self.place(span);
        if self.open.len() >= DEEPEST {
            let message = format!("more than {DEEPEST} maps and lists inside each other");
            return Err(Box::new(Finding::error("too-deep", place, "", message)));
        }
        if let Some(Open {
            kind: Kind::Map(map),
            ..
        }) = self.open.last()
            && map.key.is_none()
        {
            return Err(Box::new(bad_key(place)));
        }
        self.open.push(Open {
            anchor,
            place,
            kind,
            weight: 1,
        });
        Ok(())
    }

    fn end(&mut self) -> Step {
        let Some(Open {
            anchor,
            place,
            kind,
            weight,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let value = match kind {
            Kind::List(items) => Value::List(items),
            Kind::Map(map) => {
                let (entries, extra) = self.merge(map)?;
                let node = Node {
                    place,
                    value: Arc::new(Value::Map(entries)),
                };
                return self.value(node, weight + extra, anchor);
            }
        };
        self.value(
            Node {
                place,
                value: Arc::new(value),
            },
            weight,
            anchor,
        )
    }

    fn alias(&mut self, id: usize, span: Span) -> Step {
        let place = self.place(span);
        let Some((node, weight)) = self.anchors.get(&id).cloned() else {
            let message = "an alias stands inside of what it stands for".to_owned();
            return Err(Box::new(Finding::error("bad-alias", place, "", message)));
        };
        self.copy(weight, place)?;
        self.value(node, weight, 0)
    }

    fn copy(&mut self, weight: usize, place: Place) -> Step {
        self.copies = self.copies.saturating_add(weight);
        if self.copies > MOST_COPIES {
            let message = format!("aliases stand for more than {MOST_COPIES} values");
            return Err(Box::new(Finding::error(
                "too-many-aliases",
                place,
                "",
                message,
            )));
        }
        Ok(())
    }

    /// Puts a complete value where it belongs: into the open list, as key or value of the open map, or at the root.
    fn value(&mut self, node: Node, weight: usize, anchor: usize) -> Step {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some((node, weight));
            return Ok(());
        };
        open.weight = open.weight.saturating_add(weight);
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(map) => match map.key.take() {
                None => {
                    let Some(scalar) = node.scalar() else {
                        return Err(Box::new(bad_key(node.place)));
                    };
                    let is_merge = scalar.plain && scalar.text == "<<";
                    map.key = Some(Key {
                        text: Arc::from(scalar.text.as_str()),
                        place: node.place,
                        is_merge,
                    });
                }
                Some(key) if key.is_merge => map.merges.push((node, weight)),
                Some(key) => match map.index.get(&key.text) {
                    Some(first) => {
                        let line = first.line;
                        let finding = Finding::error(
                            "duplicate-key",
                            key.place,
                            "",
                            "the same key stands twice in one map".to_owned(),
                        );
                        self.findings
                            .push(finding.hint(format!("first on line {line}")));
                    }
                    None => {
                        map.index.insert(Arc::clone(&key.text), key.place);
                        map.entries.push(Entry {
                            key: key.text,
                            key_place: key.place,
                            value: node,
                        });
                    }
                },
            },
        }
        Ok(())
    }

    /// Adds what `<<` brings. What the map itself says wins, then the earlier merged map.
    fn merge(&mut self, mut map: MapInMaking) -> Result<(Vec<Entry>, usize), Box<Finding>> {
        let mut extra = 0;
        for (node, _) in std::mem::take(&mut map.merges) {
            let parts = match &*node.value {
                Value::List(parts) => parts.clone(),
                _ => vec![node.clone()],
            };
            for part in parts {
                let Value::Map(entries) = &*part.value else {
                    let message = "`<<` wants a map, or a list of maps".to_owned();
                    return Err(Box::new(Finding::error(
                        "bad-merge",
                        part.place,
                        "",
                        message,
                    )));
                };
                self.copy(entries.len(), part.place)?;
                for entry in entries {
                    if !map.index.contains_key(&entry.key) {
                        map.index.insert(Arc::clone(&entry.key), entry.key_place);
                        map.entries.push(entry.clone());
                        extra += 1;
                    }
                }
            }
        }
        Ok((map.entries, extra))
    }

    fn refuse_tag(&self, tagged: bool, span: Span) -> Step {
        if !tagged {
            return Ok(());
        }
        let message = "a text that begins with `!` is a YAML tag, and hc has none".to_owned();
        let finding = Finding::error("bad-tag", self.place(span), "", message);
        Err(Box::new(finding.hint("put the text in quotes".to_owned())))
    }

    fn syntax(&self, at: Marker, info: &str) -> Box<Finding> {
        // The parser's words never quote more than one character of the text, and even that is left out.
        let (info, hint) = match info {
            info if info.contains("tab") => (info, Some("indent with spaces")),
            info if info.starts_with("unexpected character") => (
                "a text cannot begin with this character",
                Some("put the text in quotes"),
            ),
            info if info.contains("unknown anchor") => (
                "nothing is called like that",
                Some("a text that begins with `*` needs quotes"),
            ),
            info if info.contains("mapping values are not allowed") => (
                "a `:` is not expected here",
                Some("indent keys of one map alike; put a text with `: ` in quotes"),
            ),
            info => (info, None),
        };
        let place = self.place(Span::new(at, at));
        let finding = Finding::error("syntax", place, "", format!("not valid YAML: {info}"));
        Box::new(finding.hint(hint.map(ToOwned::to_owned)))
    }

    fn place(&self, span: Span) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (line, column) = (number(span.start.line()), number(span.start.col()));
        let (end_line, mut end_column) = (number(span.end.line()), number(span.end.col()));
        if (end_line, end_column) <= (line, column) {
            end_column = column + 1;
        }
        let mut place = Place {
            source: self.source,
            line,
            column,
            end_line: end_line.max(line),
            end_column,
        };
        self.skip_anchor(&mut place);
        place
    }

    /// A value's place begins behind its anchor: what is called an anchor may be the beginning of a password.
    fn skip_anchor(&self, place: &mut Place) {
        let Some(line) = self.lines.get((place.line as usize).saturating_sub(1)) else {
            return;
        };
        let mut chars = (0_u32..)
            .zip(line.chars())
            .skip(place.column as usize)
            .peekable();
        if !matches!(chars.peek(), Some((_, '&'))) {
            return;
        }
        let mut value = chars
            .skip_while(|(_, c)| !c.is_whitespace())
            .skip_while(|(_, c)| c.is_whitespace());
        match value.next() {
            Some((column, c))
                if c != '#' && (place.end_line > place.line || column < place.end_column) =>
            {
                place.column = column;
            }
            // The value is elsewhere, or nothing.
            _ => (place.end_line, place.end_column) = (place.line, place.column),
        }
    }
}

fn bad_key(place: Place) -> Finding {
    let message = "a key is one word, not a list or a map".to_owned();
    Finding::error("bad-key", place, "", message)
        .hint("write `\"${NAME}\"` in quotes if a variable was meant".to_owned())
}
