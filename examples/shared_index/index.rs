//! The object that the workers share: a full-text index of a folder. Except for the attributes, nothing here knows that
//! it will be shared.

use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tarmem::remote;

/// The most hits that one search returns.
const MAX_HITS: usize = 100;

/// The most queries that one call makes up.
const MAX_SAMPLES: usize = 10_000;

/// The most characters of a line that a hit shows.
const SNIPPET_CHARS: usize = 100;

/// How often the generator ran in this process.
static BUILDS: AtomicU64 = AtomicU64::new(0);

/// A full-text index, in memory. `resident`: it never leaves the service, so it need not be serializable.
#[remote(module = "search", resident)]
pub(crate) struct Index {
    documents: Vec<Document>,
    postings: HashMap<String, Vec<Posting>>,
    report: Report,
}

struct Document {
    path: String,
    text: String,
    /// Where in `text` each line begins.
    lines: Vec<usize>,
    words: u32,
}

/// A word in one document.
struct Posting {
    document: u32,
    /// How often the word occurs in it.
    count: u32,
    /// The lines that contain it, in order.
    lines: Vec<u32>,
}

/// A document that contains all words of a query.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hit {
    pub(crate) file: String,
    /// The line with the most words of the query, counted from 1.
    pub(crate) line: u32,
    pub(crate) snippet: String,
    pub(crate) score: f64,
}

/// What was indexed, by whom, and how long that took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) built_by: String,
    pub(crate) took: Duration,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    pub(crate) different_words: u64,
    pub(crate) skipped: files::Skipped,
}

/// Why there is no index.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum IndexError {
    #[error("cannot read the folder {folder}: {reason}")]
    Unreadable { folder: String, reason: String },
    #[error("there is no text in {folder}; give a folder with text files (skipped: {skipped})")]
    NoText { folder: String, skipped: files::Skipped },
    #[error("{folder} has more than {limit} bytes of text; give a smaller folder")]
    TooLarge { folder: String, limit: u64 },
}

/// Builds the index of `folder`: the generator. The service runs it, and only if the key is not mapped yet.
#[remote(module = "search")]
pub(crate) fn build_index(folder: String, built_by: String) -> Result<Index, IndexError> {
    BUILDS.fetch_add(1, Ordering::Relaxed);
    let begun = Instant::now();
    let (texts, skipped) = files::read_texts(&folder)?;
    let mut index = Index { documents: Vec::new(), postings: HashMap::new(), report: Report::default() };
    for (path, text) in texts {
        index.add(path, text);
    }
    index.report = Report {
        built_by,
        files: index.documents.len() as u64,
        bytes: index.documents.iter().map(|document| document.text.len() as u64).sum(),
        words: index.documents.iter().map(|document| u64::from(document.words)).sum(),
        different_words: index.postings.len() as u64,
        skipped,
        took: begun.elapsed(),
    };
    Ok(index)
}

/// How often the generator ran: once, however many workers asked for the index.
#[remote(module = "search")]
pub(crate) fn builds() -> u64 {
    BUILDS.load(Ordering::Relaxed)
}

#[remote]
impl Index {
    /// The documents that contain all words of `query`, the best first; at most `limit`, and never more than 100.
    pub fn search(&self, query: &str, limit: u32) -> Vec<Hit> {
        let Some(lists) = self.lists(query) else { return Vec::new() };
        let Some((rarest, others)) = lists.split_first() else { return Vec::new() };
        let mut found: Vec<(f64, u32)> = rarest
            .iter()
            .filter_map(|posting| {
                let mut score = self.score(posting, rarest.len());
                for list in others {
                    score += self.score(in_document(list, posting.document)?, list.len());
                }
                Some((score, posting.document))
            })
            .collect();
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let limit = MAX_HITS.min(limit as usize);
        found.into_iter().take(limit).map(|(score, document)| self.hit(document, score, &lists)).collect()
    }

    /// What was indexed, by whom, and how long that took.
    pub fn report(&self) -> Report {
        self.report.clone()
    }

    /// Up to `count` queries to try, and never more than 10,000: two words each, from lines of the documents. The same
    /// `seed` gives the same queries.
    pub fn sample_queries(&self, count: u32, seed: u64) -> Vec<String> {
        let mut random = SplitMix(seed);
        let mut queries = Vec::new();
        let count = MAX_SAMPLES.min(count as usize);
        // Not every line has two words.
        for _ in 0..count * 20 {
            let document = &self.documents[random.below(self.documents.len())];
            let mut words: Vec<&str> = words(document.line(random.below(document.lines.len()))).collect();
            words.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
            words.dedup();
            if let [first, second, ..] = words[..] {
                queries.push(format!("{first} {second}"));
            }
            if queries.len() >= count {
                break;
            }
        }
        queries
    }
}

impl Index {
    fn add(&mut self, path: String, text: String) {
        let number = self.documents.len() as u32;
        let mut document = Document { path, lines: Vec::new(), words: 0, text: String::new() };
        let (mut begin, mut lowercase) = (0, String::new());
        for (line_number, line) in text.split_inclusive('\n').enumerate() {
            document.lines.push(begin);
            begin += line.len();
            for word in words(line) {
                document.words += 1;
                lower(word, &mut lowercase);
                let list = match self.postings.get_mut(&lowercase) {
                    Some(list) => list,
                    None => self.postings.entry(lowercase.clone()).or_default(),
                };
                match list.last_mut() {
                    Some(posting) if posting.document == number => posting.again(line_number as u32),
                    _ => list.push(Posting { document: number, count: 1, lines: vec![line_number as u32] }),
                }
            }
        }
        document.text = text;
        self.documents.push(document);
    }

    /// The list of each word of `query`, the shortest first; `None` if a word does not occur.
    fn lists(&self, query: &str) -> Option<Vec<&[Posting]>> {
        let mut lowercase = String::new();
        let mut lists = Vec::new();
        for word in words(query) {
            lower(word, &mut lowercase);
            lists.push(self.postings.get(&lowercase)?.as_slice());
        }
        lists.sort_by_key(|list| (list.len(), list.as_ptr()));
        // A word that is repeated counts once.
        lists.dedup_by_key(|list| list.as_ptr());
        Some(lists)
    }

    /// BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009) with its usual
    /// constants: a word says more about a document the rarer the word is, the more often it occurs there, and the
    /// shorter the document is. One is added within the logarithm, as in Lucene, so that a word in most documents does
    /// not count against them.
    fn score(&self, posting: &Posting, documents_with_word: usize) -> f64 {
        const K1: f64 = 1.2;
        const B: f64 = 0.75;
        let (all, with) = (self.documents.len() as f64, documents_with_word as f64);
        let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        let average = self.report.words as f64 / all;
        let length = f64::from(self.documents[posting.document as usize].words) / average;
        let count = f64::from(posting.count);
        rarity * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length))
    }

    fn hit(&self, document: u32, score: f64, lists: &[&[Posting]]) -> Hit {
        let mut lines: Vec<u32> = lists
            .iter()
            .filter_map(|list| in_document(list, document))
            .flat_map(|posting| &posting.lines)
            .copied()
            .collect();
        lines.sort_unstable();
        // The longest run is the line with the most words; of several, the first.
        let (mut best, mut most) = (0, 0);
        for run in lines.chunk_by(|a, b| a == b) {
            if run.len() > most {
                (best, most) = (run[0], run.len());
            }
        }
        let document = &self.documents[document as usize];
        let line = document.line(best as usize).trim();
        let snippet = line.chars().take(SNIPPET_CHARS).collect();
        Hit { file: document.path.clone(), line: best + 1, snippet, score }
    }
}

impl Document {
    fn line(&self, number: usize) -> &str {
        let end = self.lines.get(number + 1).copied().unwrap_or(self.text.len());
        &self.text[self.lines[number]..end]
    }
}

impl Posting {
    fn again(&mut self, line: u32) {
        self.count += 1;
        if self.lines.last() != Some(&line) {
            self.lines.push(line);
        }
    }
}

/// The words of a text: letters and digits with nothing between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn lower(word: &str, into: &mut String) {
    into.clear();
    into.extend(word.chars().flat_map(char::to_lowercase));
}

fn in_document(list: &[Posting], document: u32) -> Option<&Posting> {
    list.binary_search_by_key(&document, |posting| posting.document).ok().map(|at| &list[at])
}

/// Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}
