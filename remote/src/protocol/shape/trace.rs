//! Learns shapes by letting types deserialize sample data.
//!
//! - [`place`]: the deserializer; `place/access`: the parts that it passes to a type.

mod place;

use super::{Definition, Form, Shape, Shapes};
use place::Place;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// The beginning of the newtype name that a resident class asks for.
const RESIDENT: &str = "$tarmem::resident ";

/// The most runs of one type's `Deserialize`.
const RUNS: usize = 10_000;

/// The most values that are tried for a type, in all runs.
const STEPS: usize = 1_000_000;

/// How deep types may be nested.
const DEPTH: usize = 100;

/// Learns the shapes of types, one after the other. Types that they share are learned once.
#[derive(Default)]
pub struct Tracer {
    definitions: Vec<Learned>,
    /// Definitions by the full name of what reads the type, and the name that serde has for it.
    known: HashMap<(&'static str, &'static str), usize>,
    /// The sample that each leaf gets, by its place.
    samples: HashMap<u64, usize>,
    /// The leaves that got a sample in this run, with the number of samples for each.
    given: Vec<(u64, usize)>,
    /// The search for other samples, after a run was refused.
    search: Option<Search>,
    /// How deep the current place is in a recursive type.
    recursion: usize,
    depth: usize,
    steps: usize,
    /// Enums that still have something to learn, so far in this run.
    open: usize,
}

/// The search after a refused run: its leaves get other samples, one leaf at a time, the last one first, until a run
/// gets further.
struct Search {
    leaves: Vec<(u64, usize)>,
    /// The leaf that is being changed, and the sample that it had.
    tried: usize,
    before: usize,
}

/// A struct or enum, as far as it has been learned.
struct Learned {
    name: &'static str,
    /// The form of a struct.
    form: Form,
    variants: Vec<Variant>,
    /// The variants that have not been tried yet.
    untried: VecDeque<usize>,
    /// A variant that does not contain the type itself.
    end: Option<usize>,
    /// The variant to use where nothing is learned.
    guess: usize,
    /// How many times the type is being read inside itself.
    active: usize,
    /// How often it was found inside itself.
    met: usize,
}

struct Variant {
    name: &'static str,
    form: Form,
    /// Whether there is something left to learn inside it.
    open: bool,
}

/// Why a run ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The type refused the sample data.
    Refused,
    /// The type asks what the data is, which the typed encoding cannot tell.
    Undecided,
    /// A recursive type has no end yet, so its last enum has to try another variant.
    Endless(Option<usize>),
    /// The type is a resident class, whose values cannot be read.
    Resident(&'static str),
    /// The limit of steps is reached.
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

    /// The shapes that were learned, with these roots.
    pub fn finish(self, roots: Vec<(String, Shape)>) -> Shapes {
        let definitions = self.definitions.into_iter().map(|learned| {
            let variants = learned.variants.into_iter().map(|variant| (variant.name.to_owned(), variant.form));
            let variants: Vec<_> = variants.collect();
            let form = if variants.is_empty() { learned.form } else { Form::Enum(variants) };
            Definition { name: learned.name.to_owned(), form }
        });
        Shapes { roots, definitions: definitions.collect() }
    }

    /// Selects another sample for a leaf of the run that was refused; false if there is none left.
    fn another_sample(&mut self) -> bool {
        let chosen = |samples: &HashMap<u64, usize>, path| samples.get(&path).copied().unwrap_or(0);
        let search = match &mut self.search {
            Some(search) if self.given.len() <= search.leaves.len() => search,
            search => {
                // The run got further than any before, so the samples of its leaves are kept.
                let leaves = self.given.clone();
                let Some(tried) = leaves.len().checked_sub(1) else { return false };
                let before = chosen(&self.samples, leaves[tried].0);
                search.insert(Search { leaves, tried, before })
            }
        };
        loop {
            let (path, count) = search.leaves[search.tried];
            // The next sample, wrapping around, until the original one is reached.
            let next = (chosen(&self.samples, path) + 1) % count;
            self.samples.insert(path, next);
            if next != search.before {
                return true;
            }
            let Some(tried) = search.tried.checked_sub(1) else { return false };
            (search.tried, search.before) = (tried, chosen(&self.samples, search.leaves[tried].0));
        }
    }

    /// Selects another variant of the enum to use or to try; false if there is none left.
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

    /// Whether the current place is to be learned. Inside a recursive type it has been, or will be.
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

    /// The variant that an enum gets now.
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
