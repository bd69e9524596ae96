//! The differences between the shapes at a client and those at a service, as text; and results that can never fit.

use super::{ERROR, Form, Plain, RETURN, Shape, Shapes};
use std::collections::HashSet;

/// The most differences that are reported.
const MOST: usize = 12;

/// How deep types are compared; anything deeper is taken to fit.
const DEEPEST: usize = 128;

impl Shapes {
    /// The differences, one per line. `self` is the client's, `service` the service's. Both may come from outside.
    pub fn differences(&self, service: &Shapes) -> Vec<String> {
        let mut found = Differences { client: self, service, seen: HashSet::new(), lines: Vec::new() };
        found.roots();
        let mut lines = found.lines;
        if lines.len() > MOST {
            let more = lines.len() - MOST;
            lines.truncate(MOST);
            lines.push(format!("and {more} more"));
        }
        lines
    }

    /// Whether the service's result can ever be what the client expects. Only serde knows which fields may be left out
    /// and which names are aliases. So this refuses, before the call is made, only what can never fit.
    pub fn result_may_fit(&self, service: &Shapes) -> bool {
        let (Some(expected), Some(found)) = (self.root(RETURN), service.root(RETURN)) else { return true };
        // A client that expects nothing accepts any result.
        *expected == Shape::Unit
            || Fitting { from: service, to: self, seen: HashSet::new(), depth: 0 }.shape(found, expected)
    }
}

struct Differences<'a> {
    client: &'a Shapes,
    service: &'a Shapes,
    /// The pairs of definitions that have been compared, or are being compared.
    seen: HashSet<(u32, u32)>,
    lines: Vec<String>,
}

impl<'a> Differences<'a> {
    fn roots(&mut self) {
        let params = |shapes: &'a Shapes| -> Vec<&'a str> {
            names(&shapes.roots).into_iter().filter(|name| is_param(name)).collect()
        };
        self.members("parameter", "", &params(self.client), &params(self.service));
        for (name, shape) in &self.client.roots {
            match self.service.root(name) {
                Some(other) => {
                    let place = if is_param(name) { format!("`{name}`") } else { format!("the {}", word(name)) };
                    self.shape(&place, shape, other);
                }
                None if name == ERROR => self.lines.push("its error type is at the client only".into()),
                None => {}
            }
        }
        if self.client.root(ERROR).is_none() && self.service.root(ERROR).is_some() {
            self.lines.push("its error type is at the service only".into());
        }
    }

    /// Reports members that are on one side only, or in another order.
    fn members(&mut self, what: &str, of: &str, ours: &[&str], theirs: &[&str]) {
        let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
        for name in ours.iter().filter(|name| !theirs.contains(name)) {
            self.lines.push(format!("{what} `{name}`{of} is at the client only"));
        }
        for name in theirs.iter().filter(|name| !ours.contains(name)) {
            self.lines.push(format!("{what} `{name}`{of} is at the service only"));
        }
        let common = |one: &[&str], other: &[&str]| -> Vec<String> {
            one.iter().filter(|name| other.contains(name)).map(|name| (*name).to_owned()).collect()
        };
        let (ours, theirs) = (common(ours, theirs), common(theirs, ours));
        if ours != theirs {
            let (ours, theirs) = (ours.join(", "), theirs.join(", "));
            self.lines.push(format!("the {what}s{of} are ({ours}) at the client, ({theirs}) at the service"));
        }
    }

    /// Compares two shapes; `place` is how messages name the place.
    fn shape(&mut self, place: &str, ours: &Shape, theirs: &Shape) {
        match (ours, theirs) {
            (Shape::Named(one), Shape::Named(other)) => {
                if self.seen.len() > 10_000 || !self.seen.insert((*one, *other)) {
                    return;
                }
                let (Some(one), Some(other)) = (self.client.definition(*one), self.service.definition(*other)) else {
                    return;
                };
                self.form(&one.name, &one.form, &other.form);
            }
            (Shape::Option(one), Shape::Option(other)) => self.shape(place, one, other),
            (Shape::Seq(one), Shape::Seq(other)) => self.shape(&format!("an element of {place}"), one, other),
            (Shape::Map(key, value), Shape::Map(other_key, other_value)) => {
                self.shape(&format!("a key of {place}"), key, other_key);
                self.shape(&format!("a value of {place}"), value, other_value);
            }
            (Shape::Tuple(one), Shape::Tuple(other)) if one.len() == other.len() => {
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    self.shape(&part(place, index), one, other);
                }
            }
            _ if ours == theirs => {}
            _ => {
                let (ours, theirs) = (self.client.show(ours), self.service.show(theirs));
                self.lines.push(format!("{place} is {ours} at the client, {theirs} at the service"));
            }
        }
    }

    fn form(&mut self, name: &str, ours: &Form, theirs: &Form) {
        match (ours, theirs) {
            (Form::Newtype(one), Form::Newtype(other)) => self.shape(&format!("`{name}`"), one, other),
            (Form::Tuple(one), Form::Tuple(other)) if one.len() == other.len() => {
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    self.shape(&format!("`{name}.{index}`"), one, other);
                }
            }
            (Form::Struct(one), Form::Struct(other)) => {
                self.members("field", name, &names(one), &names(other));
                for (field, shape) in one {
                    if let Some((_, other)) = other.iter().find(|(name, _)| name == field) {
                        self.shape(&format!("`{name}.{field}`"), shape, other);
                    }
                }
            }
            (Form::Enum(one), Form::Enum(other)) => {
                self.members("variant", name, &names(one), &names(other));
                for (variant, form) in one {
                    if let Some((_, other)) = other.iter().find(|(name, _)| name == variant) {
                        self.form(&format!("{name}::{variant}"), form, other);
                    }
                }
            }
            _ if ours == theirs => {}
            _ => self.lines.push(format!("{name} is of another kind at the service")),
        }
    }
}

fn names<T>(members: &[(String, T)]) -> Vec<&str> {
    members.iter().map(|(name, _)| name.as_str()).collect()
}

fn is_param(name: &str) -> bool {
    name != RETURN && name != ERROR
}

/// How messages name a part of a tuple.
fn part(place: &str, index: usize) -> String {
    match place.strip_prefix('`').and_then(|place| place.strip_suffix('`')) {
        Some(name) => format!("`{name}.{index}`"),
        None => format!("`.{index}` of {place}"),
    }
}

fn word(root: &str) -> &str {
    if root == RETURN { "result" } else { "error" }
}

/// Decides whether values of one shape may be read as another.
struct Fitting<'a> {
    from: &'a Shapes,
    to: &'a Shapes,
    seen: HashSet<(u32, u32)>,
    depth: usize,
}

impl Fitting<'_> {
    fn shape(&mut self, from: &Shape, to: &Shape) -> bool {
        // A type may wrap itself, for example through an option.
        if self.depth > DEEPEST {
            return true;
        }
        self.depth += 1;
        let fits = self.fits(from, to);
        self.depth -= 1;
        fits
    }

    fn fits(&mut self, from: &Shape, to: &Shape) -> bool {
        match (from, to) {
            (Shape::Unknown | Shape::Value | Shape::Opaque(_) | Shape::Object { .. }, _)
            | (_, Shape::Unknown | Shape::Value | Shape::Opaque(_) | Shape::Object { .. }) => true,
            (Shape::Named(one), Shape::Named(other)) => {
                if self.seen.len() > 10_000 || !self.seen.insert((*one, *other)) {
                    return true;
                }
                match (self.from.definition(*one), self.to.definition(*other)) {
                    (Some(one), Some(other)) => self.form(&one.form, &other.form),
                    _ => true,
                }
            }
            (Shape::Named(one), to) => match self.from.definition(*one).map(|one| &one.form) {
                Some(Form::Newtype(inner)) => self.shape(inner, to),
                Some(Form::Unit) => self.shape(&Shape::Unit, to),
                Some(Form::Tuple(_)) => matches!(to, Shape::Seq(_) | Shape::Tuple(_) | Shape::Option(_)),
                Some(Form::Struct(_)) => matches!(to, Shape::Map(..) | Shape::Option(_)),
                Some(Form::Enum(_)) => {
                    matches!(to, Shape::Plain(Plain::Str) | Shape::Map(..) | Shape::Option(_))
                }
                None => true,
            },
            (from, Shape::Named(other)) => match self.to.definition(*other).map(|other| &other.form) {
                Some(Form::Newtype(inner)) => self.shape(from, inner),
                Some(Form::Unit) => self.shape(from, &Shape::Unit),
                Some(Form::Tuple(_)) => matches!(from, Shape::Seq(_) | Shape::Tuple(_) | Shape::Option(_)),
                Some(Form::Struct(_)) => matches!(from, Shape::Map(..) | Shape::Option(_)),
                Some(Form::Enum(_)) => {
                    matches!(from, Shape::Plain(Plain::Str) | Shape::Map(..) | Shape::Option(_))
                }
                None => true,
            },
            (Shape::Option(from), Shape::Option(to)) => self.shape(from, to),
            // `None` fits `()` and an option.
            (Shape::Option(from), to) => *to == Shape::Unit || self.shape(from, to),
            (from, Shape::Option(to)) => *from == Shape::Unit || self.shape(from, to),
            (Shape::Unit, to) => *to == Shape::Unit,
            (Shape::Plain(from), Shape::Plain(to)) => plain(*from, *to),
            (Shape::Seq(from), Shape::Seq(to)) => self.shape(from, to),
            (Shape::Tuple(from), Shape::Tuple(to)) => {
                from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.shape(from, to))
            }
            (Shape::Seq(_), Shape::Tuple(_)) | (Shape::Tuple(_), Shape::Seq(_)) => true,
            (Shape::Plain(Plain::Bytes), Shape::Seq(_)) | (Shape::Seq(_), Shape::Plain(Plain::Bytes)) => true,
            // The keys of a map may be texts that represent numbers.
            (Shape::Map(..), Shape::Map(..)) => true,
            _ => false,
        }
    }

    fn form(&mut self, from: &Form, to: &Form) -> bool {
        match (from, to) {
            (Form::Newtype(from), Form::Newtype(to)) => self.shape(from, to),
            (Form::Newtype(_), _) | (_, Form::Newtype(_)) => true,
            (Form::Tuple(from), Form::Tuple(to)) => {
                from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.shape(from, to))
            }
            (Form::Struct(_), Form::Struct(_)) => {
                let (from, to) = (from.fields(), to.fields());
                to.iter().all(|(name, to)| from.get(name).is_none_or(|from| self.shape(from, to)))
            }
            (Form::Enum(_), Form::Enum(_)) | (Form::Unit, Form::Unit) => true,
            _ => false,
        }
    }
}

fn plain(from: Plain, to: Plain) -> bool {
    use Plain::{Bool, Bytes, Char, F32, F64, Str};
    let number = |plain| !matches!(plain, Bool | Bytes | Char | Str);
    from == to
        || (number(from) && number(to) && (matches!(to, F32 | F64) || !matches!(from, F32 | F64)))
        || matches!((from, to), (Char, Str) | (Str, Char) | (Str, Bytes) | (Bytes, Str))
}
