//! Learns shapes, by letting types deserialize made-up data.
//!
//! - [`place`]: the deserializer; in `place/access`, what it gives out part by part.

mod place;

use super::{Definition, Form, Shape, Shapes};
use place::Place;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// How the newtype's name begins that a resident class asks for.
const RESIDENT: &str = "$tarmem::resident ";

/// The most runs of a type's `Deserialize`.
const RUNS: usize = 10_000;

/// The most values that are made up for a type, in all runs.
const STEPS: usize = 1_000_000;

/// How deep types may be in one another.
const DEPTH: usize = 100;

/// Learns the shapes of types, one after the other; those that they share are learned once.
#[derive(Default)]
pub struct Tracer {
    definitions: Vec<Learned>,
    /// By the full name of what reads the type, and the name that serde has for it.
    known: HashMap<(&'static str, &'static str), usize>,
    /// Which sample each leaf is given, by its place.
    samples: HashMap<u64, usize>,
    /// The leaves that were given one in this run, with how many there are for each.
    given: Vec<(u64, usize)>,
    /// What is tried since a run was refused.
    search: Option<Search>,
    /// How deep in a type that is in itself.
    recursion: usize,
    depth: usize,
    steps: usize,
    /// Enums that were left with something to learn, so far in this run.
    open: usize,
}

/// A run was refused: its leaves are given other samples, one leaf at a time, the last one first, until a run gets
/// further.
struct Search {
    leaves: Vec<(u64, usize)>,
    /// The leaf that is tried, and which sample it had.
    tried: usize,
    before: usize,
}

/// A struct or enum, as far as it is known.
struct Learned {
    name: &'static str,
    /// Of a struct.
    form: Form,
    variants: Vec<Variant>,
    /// Variants that were not tried yet.
    untried: VecDeque<usize>,
    /// A variant that does not lead back to the type itself.
    end: Option<usize>,
    /// Which variant is given where nothing is learned.
    guess: usize,
    /// How often it is in itself now.
    active: usize,
    /// How often it was met within itself.
    met: usize,
}

struct Variant {
    name: &'static str,
    form: Form,
    /// Behind it is something left to learn.
    open: bool,
}

/// Why a run came to nothing.
#[derive(Debug)]
pub(super) enum Stop {
    /// The type refused what it was given.
    Refused,
    /// The type asks what the data is, which the typed encoding cannot tell.
    Undecided,
    /// A type that is in itself has no end yet: so its last enum is to be tried with another variant.
    Endless(Option<usize>),
    /// It is of a class whose values are read from nothing.
    Resident(&'static str),
    /// It takes too long.
    TooMuch,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Stop {}

impl serde::de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop::Refused
    }
}

impl Tracer {
    /// The shape of `T`; [`Shape::Unknown`] if it cannot be learned.
    pub fn shape<T: DeserializeOwned>(&mut self) -> Shape {
        self.search = None;
        self.steps = 0;
        for _ in 0..RUNS {
            let mut shape = Shape::Unknown;
            (self.recursion, self.depth, self.open) = (0, 0, 0);
            self.given.clear();
            self.definitions.iter_mut().for_each(|definition| definition.active = 0);
            match T::deserialize(Place { tracer: self, shape: &mut shape, path: 0 }) {
                Ok(_) if self.open == 0 => return shape,
                Ok(_) => self.search = None,
                Err(Stop::Refused) if self.another_sample() => {}
                Err(Stop::Endless(Some(definition))) if self.another_variant(definition) => {}
                Err(Stop::Resident(class)) => return Shape::Opaque(class.to_owned()),
                Err(_) => return Shape::Unknown,
            }
        }
        Shape::Unknown
    }

    /// What was learned, with these roots.
    pub fn finish(self, roots: Vec<(String, Shape)>) -> Shapes {
        let definitions = self.definitions.into_iter().map(|learned| {
            let variants = learned.variants.into_iter().map(|variant| (variant.name.to_owned(), variant.form));
            let variants: Vec<_> = variants.collect();
            let form = if variants.is_empty() { learned.form } else { Form::Enum(variants) };
            Definition { name: learned.name.to_owned(), form }
        });
        Shapes { roots, definitions: definitions.collect() }
    }

    /// Whether there is something else to give to a leaf of the run that was refused.
    fn another_sample(&mut self) -> bool {
        let chosen = |samples: &HashMap<u64, usize>, path| samples.get(&path).copied().unwrap_or(0);
        let search = match &mut self.search {
            Some(search) if self.given.len() <= search.leaves.len() => search,
            search => {
                // It got further than any before: what its leaves were given is kept.
                let leaves = self.given.clone();
                let Some(tried) = leaves.len().checked_sub(1) else { return false };
                let before = chosen(&self.samples, leaves[tried].0);
                search.insert(Search { leaves, tried, before })
            }
        };
        loop {
            let (path, count) = search.leaves[search.tried];
            // Around, from the one that it had.
            let next = (chosen(&self.samples, path) + 1) % count;
            self.samples.insert(path, next);
            if next != search.before {
                return true;
            }
            let Some(tried) = search.tried.checked_sub(1) else { return false };
            (search.tried, search.before) = (tried, chosen(&self.samples, search.leaves[tried].0));
        }
    }

    /// Whether the enum has another variant to be guessed, or tried.
    fn another_variant(&mut self, definition: usize) -> bool {
        let learned = &mut self.definitions[definition];
        learned.guess += 1;
        if let Some(tried) = learned.untried.pop_front() {
            learned.untried.push_back(tried);
        }
        learned.guess <= learned.variants.len() * 2
    }

    fn sample<T: Copy>(&mut self, path: u64, samples: &[T]) -> T {
        self.given.push((path, samples.len()));
        samples[self.samples.get(&path).copied().unwrap_or(0) % samples.len()]
    }

    /// Whether what is met now is to be learned. Within a type that is in itself it has been, or will be.
    fn learns(&self) -> bool {
        self.recursion == 0
    }

    fn definition(&mut self, reader: &'static str, name: &'static str) -> usize {
        let next = self.definitions.len();
        let index = *self.known.entry((reader, name)).or_insert(next);
        if index == next {
            self.definitions.push(Learned {
                name,
                form: Form::Unit,
                variants: Vec::new(),
                untried: VecDeque::new(),
                end: None,
                guess: 0,
                active: 0,
                met: 0,
            });
        }
        index
    }

    fn enter(&mut self, definition: usize) {
        let learned = &mut self.definitions[definition];
        if learned.active > 0 {
            self.recursion += 1;
            learned.met += 1;
        }
        learned.active += 1;
    }

    fn leave(&mut self, definition: usize) {
        let learned = &mut self.definitions[definition];
        learned.active -= 1;
        if learned.active > 0 {
            self.recursion -= 1;
        }
    }

    /// The variant that an enum is given now.
    fn choose(&self, definition: usize) -> Result<usize, Stop> {
        let learned = &self.definitions[definition];
        if self.learns() {
            let untried = learned.untried.front().copied();
            let open = || learned.variants.iter().position(|variant| variant.open);
            return Ok(untried.or_else(open).or(learned.end).unwrap_or(0));
        }
        match learned.end {
            Some(end) => Ok(end),
            None if learned.active > 2 => Err(Stop::Endless(Some(definition))),
            None => Ok(learned.guess % learned.variants.len().max(1)),
        }
    }
}
