//! YAML as a tree in which every node knows its place, and every scalar how it was written.
//!
//! Built from the parser's events rather than through serde: so a problem doesn't hide those after it, repeated keys
//! are seen, and `1_000`, `0o17` or `no` are judged as they stand in the file. Anchors, aliases and tags are refused,
//! which leaves nothing that could expand.

use serde_saphyr::granit_parser::{
    self, ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span,
};

use super::{
    error::{Problems, quoted},
    load::{MAX_BYTES, TOO_LARGE},
    scalar,
};

/// Lists and maps inside one another; the file needs four.
const DEEPEST: usize = 16;

/// Line and column, both from 1; zeros mean the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Empty,
    /// What some YAML reader takes for a boolean: `true`, but also `no` and `on`.
    Bool(String),
    /// What some YAML reader takes for a number: `12`, but also `1_000`, `0o17` and `12:30`.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// Already told as a problem; nothing more is to be said of it.
    Refused,
}

/// The one document in `text`. Where it can't be had whole, a problem says why and the node is [`Value::Refused`].
pub(super) fn parse(text: &str, problems: &mut Problems) -> Node {
    const NONE: Node = Node { place: Place::WHOLE_FILE, value: Value::Refused };
    if text.len() > MAX_BYTES {
        problems.add(Place::WHOLE_FILE, TOO_LARGE);
        return NONE;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut tree =
        Tree { events: Parser::new_from_str_with_options(text, options), problems, refused: false };
    match tree.document() {
        Ok(root) => root.unwrap_or(NONE),
        Err(err) => {
            let why = match err.kind() {
                ErrorKind::RecursionLimitExceeded => "lists and maps go too deep here".to_owned(),
                _ => err.info(),
            };
            problems.add(err.marker().into(), format!("not valid YAML: {why}"));
            NONE
        }
    }
}

struct Tree<'a, P> {
    events: P,
    problems: &'a mut Problems,
    /// Whether an anchor, alias or tag was refused: told once, not for each.
    refused: bool,
}

impl<'t, P: Iterator<Item = Result<(Event<'t>, Span), ScanError>>> Tree<'_, P> {
    fn document(&mut self) -> Result<Option<Node>, ScanError> {
        let mut root = None;
        while let Some((event, span)) = self.events.next().transpose()? {
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    self.problems.add(
                        span.into(),
                        "a second document starts here: the file takes one, without further `---`",
                    );
                    return Ok(None);
                }
                Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(..)
                | Event::DocumentEnd => {}
                event => match self.node(event, span)? {
                    Some(node) => root = Some(node),
                    None => continue,
                },
            }
        }
        match root {
            Some(Node { value: Value::Empty, .. }) | None => {
                self.problems.add(
                    Place::WHOLE_FILE,
                    "is empty: it should hold `topics:` and the topics by name",
                );
                Ok(None)
            }
            root => Ok(root),
        }
    }

    /// The node that begins with `event`; none where the event is no node, as an anchor isn't.
    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Option<Node>, ScanError> {
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                self.no_tag(tag.is_some(), &span);
                match style {
                    ScalarStyle::Plain => scalar::plain(&text),
                    _ => Value::Text(text.into_owned()),
                }
            }
            Event::SequenceStart(_, _, tag) => {
                self.no_tag(tag.is_some(), &span);
                Value::List(self.until(&Event::SequenceEnd)?)
            }
            Event::MappingStart(_, _, tag) => {
                self.no_tag(tag.is_some(), &span);
                Value::Map(pairs(self.until(&Event::MappingEnd)?))
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse(span.start, "aliases (`*name`)");
                Value::Refused
            }
            Event::Anchor(..) => {
                self.refuse(span.start, "anchors (`&name`)");
                return Ok(None);
            }
            _ => return Ok(None),
        };
        Ok(Some(Node { place: span.into(), value }))
    }

    fn until(&mut self, end: &Event<'_>) -> Result<Vec<Node>, ScanError> {
        let mut nodes = Vec::new();
        while let Some((event, span)) = self.events.next().transpose()? {
            if event == *end {
                break;
            }
            nodes.extend(self.node(event, span)?);
        }
        Ok(nodes)
    }

    fn no_tag(&mut self, tagged: bool, span: &Span) {
        if tagged {
            let at = span.tag_span().map_or(span.start, |tag| tag.start);
            self.refuse(at, "tags (`!name`)");
        }
    }

    fn refuse(&mut self, at: Marker, what: &str) {
        if !self.refused {
            self.refused = true;
            self.problems
                .add((&at).into(), format!("{what} are not taken here: write the value itself"));
        }
    }
}

/// A map's nodes come key, value, key, value.
fn pairs(nodes: Vec<Node>) -> Vec<(Node, Node)> {
    let mut nodes = nodes.into_iter();
    std::iter::from_fn(|| Some((nodes.next()?, nodes.next()?))).collect()
}

impl Place {
    pub(super) const WHOLE_FILE: Self = Self { line: 0, column: 0 };

    /// Where the next character after `text` stands.
    pub(super) fn after(text: &str) -> Self {
        let line = text.split('\n').count();
        let column = text.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self::new(line, column)
    }

    fn new(line: usize, column: usize) -> Self {
        let bounded = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: bounded(line), column: bounded(column) }
    }
}

impl From<&Marker> for Place {
    fn from(at: &Marker) -> Self {
        Self::new(at.line(), at.col() + 1)
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        (&span.start).into()
    }
}

impl Value {
    /// What it is, as a message says it.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Empty => "nothing".to_owned(),
            Self::Bool(text) => format!("{}, which YAML reads as a boolean", quoted(text)),
            Self::Number(text) => format!("{}, which YAML reads as a number", quoted(text)),
            Self::Text(text) => format!("the text {}", quoted(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Refused => "what is refused".to_owned(),
        }
    }
}
