//! The changes of many batches, as one: what they come to for each key.
//!
//! Batches are taken from the last to the first: what is replaced or removed by a later one is passed over then, and
//! costs little. That is most of a log: the outcomes of calls, and the states of objects that change again and again.

use crate::batch::{Change, Changes, Malformed, SHORT_LIVED, Table};
use crate::states::{Fold, PAGE, ShortLived};
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;
use std::ops::Bound;

/// What the batches so far come to. A key is preceded by the byte of its table.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// The last value of each key that was changed by itself; `None` if it was removed.
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Ranges that were removed, from the first key to below the second. None overlaps or touches another.
    ranges: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The key that is looked for.
    key: Vec<u8>,
}

impl Overlay {
    /// Adds the changes of the batch that comes before those so far.
    pub(crate) fn precede(&mut self, batch: &[u8]) -> Result<(), Malformed> {
        let changes: Vec<_> = Changes::of(batch).collect::<Result<_, _>>()?;
        for change in changes.into_iter().rev() {
            match change {
                Change::Put { table, key, value } => self.change(table, key, Some(value)),
                Change::Remove { table, key } => self.change(table, key, None),
                Change::RemoveRange { table, from, to } => self.remove_range(keyed(table, from), keyed(table, to)),
            }
        }
        Ok(())
    }

    /// All batches were added, and this is to be folded into states that have these rows of short-lived tables: others
    /// need not be removed from there.
    pub(crate) fn over(mut self, below: &ShortLived) -> Self {
        let is_brief = |key: &[u8]| key.first().is_some_and(|table| SHORT_LIVED.contains(table));
        self.values.retain(|key, value| value.is_some() || !is_brief(key) || below.contains(key));
        let values = &mut self.values;
        self.ranges.retain(|from, to| {
            if is_brief(from) {
                for key in below.range(from.clone()..to.clone()) {
                    values.entry(key.clone()).or_insert(None);
                }
            }
            !is_brief(from)
        });
        self
    }

    fn change(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.key.clear();
        self.key.push(table);
        self.key.extend_from_slice(key);
        if !self.hides(&self.key) && !self.values.contains_key(&self.key) {
            self.values.insert(self.key.clone(), value.map(<[u8]>::to_vec));
        }
    }

    fn remove_range(&mut self, mut from: Vec<u8>, mut to: Vec<u8>) {
        if from >= to {
            return;
        }
        // Ranges that meet become one. (Values inside of it were set later.)
        while let Some((start, end)) = self.ranges.range::<Vec<u8>, _>(..=&to).next_back() {
            if *end < from {
                break;
            }
            let start = start.clone();
            let end = self.ranges.remove(&start).unwrap_or_default();
            from = from.min(start);
            to = to.max(end);
        }
        self.ranges.insert(from, to);
    }

    /// The value of a key that has this one in the states: `None` if it has none any more.
    #[cfg(test)]
    fn value<'a>(&'a self, key: &[u8], below: Option<&'a [u8]>) -> Option<&'a [u8]> {
        match self.values.get(key) {
            Some(value) => value.as_deref(),
            None if self.hides(key) => None,
            None => below,
        }
    }

    /// Whether a range that was removed contains the key.
    fn hides(&self, key: &[u8]) -> bool {
        let at_most = (Bound::Unbounded, Bound::Included(key));
        self.ranges.range::<[u8], _>(at_most).next_back().is_some_and(|(_, to)| key < to.as_slice())
    }

    /// The bytes of all keys and values.
    pub(crate) fn value_bytes(&self) -> u64 {
        let bytes = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + value.as_ref().map_or(0, Vec::len);
        self.values.iter().map(bytes).sum::<usize>() as u64
    }

    /// The bytes of as many pages as there are changes.
    pub(crate) fn pages_bytes(&self) -> u64 {
        (self.values.len() + self.ranges.len()) as u64 * PAGE as u64
    }

    /// Its changes for the states, in pieces of about `bytes` bytes each, for which each change counts `weight` bytes
    /// more; with `mark` in the last of them. What is removed goes first: what is put may need its room.
    pub(crate) fn into_folds(self, bytes: usize, weight: usize, mark: (u64, u64)) -> impl Iterator<Item = Fold> {
        let (removed, put): (Vec<_>, Vec<_>) = self.values.into_iter().partition(|(_, value)| value.is_none());
        let values = removed.into_iter().chain(put).peekable();
        Folds { ranges: self.ranges.into_iter().peekable(), values, bytes, weight, mark }.fused()
    }

    /// Merges it with entries of the states, which come in order: calls `each` with what there is, in order.
    pub(crate) fn merge<E, F: FnMut(Table, &[u8], &[u8]) -> Result<(), E>>(&self, each: F) -> Merge<'_, F> {
        Merge { above: self.values.iter().peekable(), overlay: self, each }
    }
}

/// A key with its table.
pub(crate) fn keyed(table: Table, key: &[u8]) -> Vec<u8> {
    let mut keyed = Vec::with_capacity(1 + key.len());
    keyed.push(table);
    keyed.extend_from_slice(key);
    keyed
}

/// The states have what was folded.
pub(crate) fn note_short_lived(short_lived: &mut ShortLived, folded: Fold) {
    for (key, value) in folded.values {
        if key.first().is_some_and(|table| SHORT_LIVED.contains(table)) {
            match value {
                Some(_) => short_lived.insert(key),
                None => short_lived.remove(&key),
            };
        }
    }
}

struct Folds<R: Iterator, V: Iterator> {
    ranges: Peekable<R>,
    values: Peekable<V>,
    bytes: usize,
    weight: usize,
    mark: (u64, u64),
}

impl<R, V> Folds<R, V>
where
    R: Iterator<Item = (Vec<u8>, Vec<u8>)>,
    V: Iterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
{
    fn fused(mut self) -> impl Iterator<Item = Fold> {
        let mut over = false;
        std::iter::from_fn(move || {
            if over {
                return None;
            }
            let mut fold = Fold::default();
            let mut bytes = 0;
            // All ranges go first: a value inside one of them was set after the range was removed.
            while bytes < self.bytes
                && let Some((from, to)) = self.ranges.next()
            {
                bytes += from.len() + to.len() + self.weight;
                fold.ranges.push((from, to));
            }
            while bytes < self.bytes
                && let Some((key, value)) = self.values.next()
            {
                bytes += key.len() + value.as_ref().map_or(0, Vec::len) + self.weight;
                fold.values.push((key, value));
            }
            over = self.ranges.peek().is_none() && self.values.peek().is_none();
            fold.mark = over.then_some(self.mark);
            Some(fold)
        })
    }
}

/// An overlay on its way over the entries of the states.
pub(crate) struct Merge<'a, F> {
    above: Peekable<Iter<'a, Vec<u8>, Option<Vec<u8>>>>,
    overlay: &'a Overlay,
    each: F,
}

impl<E, F: FnMut(Table, &[u8], &[u8]) -> Result<(), E>> Merge<'_, F> {
    /// The next entry of the states.
    pub(crate) fn below(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), E> {
        let full = keyed(table, key);
        while let Some((above, _)) = self.above.peek()
            && **above < full
        {
            self.take_above()?;
        }
        if self.above.peek().is_some_and(|(above, _)| **above == full) {
            return self.take_above();
        }
        if self.overlay.hides(&full) { Ok(()) } else { (self.each)(table, key, value) }
    }

    /// There are no more entries in the states.
    pub(crate) fn finish(mut self) -> Result<(), E> {
        while self.above.peek().is_some() {
            self.take_above()?;
        }
        Ok(())
    }

    fn take_above(&mut self) -> Result<(), E> {
        if let Some((key, Some(value))) = self.above.next()
            && let Some((table, key)) = key.split_first()
        {
            (self.each)(*table, key, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use proptest::prelude::*;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    fn change(model: &mut Model, batch: &mut Batch, table: Table, (kind, a, b): (u8, u8, u8)) {
        match kind {
            0 => {
                batch.put(table, &[a], &[b]);
                model.insert(vec![table, a], vec![b]);
            }
            1 => {
                batch.remove(table, &[a]);
                model.remove(&vec![table, a]);
            }
            _ => {
                batch.remove_range(table, &[a], &[b]);
                model.retain(|key, _| key[0] != table || !(key[1] >= a && key[1] < b));
            }
        }
    }

    proptest! {
        #[test]
        fn an_overlay_comes_to_what_its_batches_come_to(
            below in prop::collection::btree_map(0_u8..24, any::<u8>(), 0..24),
            changes in prop::collection::vec((0_u8..3, 0_u8..24, 0_u8..24), 0..40),
        ) {
            let below: Model = below.into_iter().map(|(key, value)| (vec![1, key], vec![value])).collect();
            let mut model = below.clone();
            let mut overlay = Overlay::default();
            let mut batches = Vec::new();
            for (n, change_made) in changes.into_iter().enumerate() {
                if n % 3 == 0 {
                    batches.push(Batch::default());
                }
                change(&mut model, batches.last_mut().expect("there is one"), 1, change_made);
            }
            for batch in batches.iter().rev() {
                overlay.precede(batch.as_bytes()).expect("well formed");
            }
            for key in 0..24 {
                let key = vec![1, key];
                let value = overlay.value(&key, below.get(&key).map(Vec::as_slice));
                prop_assert_eq!(value, model.get(&key).map(Vec::as_slice));
            }
            let mut merged = Model::new();
            let mut merge = overlay.merge(|table, key, value| {
                merged.insert(keyed(table, key), value.to_vec());
                Ok::<_, ()>(())
            });
            for (key, value) in &below {
                merge.below(key[0], &key[1..], value).expect("it takes all");
            }
            merge.finish().expect("it takes all");
            prop_assert_eq!(merged, model);
        }

        /// Segments are folded one after the other, in pieces; sometimes that is cut off, and the segment folded again.
        #[test]
        fn what_is_folded_comes_to_what_its_batches_come_to(
            segments in prop::collection::vec(
                (prop::collection::vec((any::<bool>(), 0_u8..3, 0_u8..12, 0_u8..12), 0..30), any::<bool>()),
                1..6,
            ),
        ) {
            let (mut model, mut states) = (Model::new(), Model::new());
            let mut short_lived = ShortLived::new();
            let brief = *SHORT_LIVED.start();
            for (changes, is_cut_off) in segments {
                let mut batch = Batch::default();
                for (is_brief, kind, a, b) in changes {
                    change(&mut model, &mut batch, if is_brief { brief } else { 1 }, (kind, a, b));
                }
                for pieces in [if is_cut_off { 1 } else { 0 }, usize::MAX] {
                    let mut overlay = Overlay::default();
                    overlay.precede(batch.as_bytes()).expect("well formed");
                    for fold in overlay.over(&short_lived).into_folds(4, 0, (1, 1)).take(pieces) {
                        for (from, to) in &fold.ranges {
                            states.retain(|key, _| key < from || key >= to);
                        }
                        for (key, value) in &fold.values {
                            match value {
                                Some(value) => states.insert(key.clone(), value.clone()),
                                None => states.remove(key),
                            };
                        }
                        note_short_lived(&mut short_lived, fold);
                    }
                }
                prop_assert_eq!(&states, &model);
                let brief: ShortLived = states.keys().filter(|key| key[0] == brief).cloned().collect();
                prop_assert_eq!(&short_lived, &brief);
            }
        }
    }
}
