use crate::faults::PlantedFaults;
use crate::store::{Cell, ReadGuard, Remains, Store, WeakCell, WriteGuard, bury};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use tarmem_modules::builtins::List;
use tarmem_remote::__private::typetag;
use tarmem_remote::object::{Object, Remote};
use tarmem_remote::registry::{ClassInfo, Registry};

/// Has a large alignment, and something to be dropped.
#[derive(Serialize, Deserialize)]
#[repr(align(64))]
struct Odd {
    number: u8,
    #[serde(skip)]
    _counted: Arc<()>,
}

#[typetag::serde(name = "tests.Odd")]
impl Object for Odd {}

/// Has no size.
#[derive(Serialize, Deserialize)]
struct Unit;

#[typetag::serde(name = "tests.Unit")]
impl Object for Unit {}

/// Refers to another object, and keeps it alive.
#[derive(Serialize, Deserialize)]
struct Link {
    #[serde(skip)]
    _next: Option<Cell>,
    #[serde(skip)]
    _counted: Arc<()>,
}

#[typetag::serde(name = "tests.Link")]
impl Object for Link {}

/// Panics when it is dropped, with something that panics in turn.
#[derive(Serialize, Deserialize)]
struct Explosive;

#[typetag::serde(name = "tests.Explosive")]
impl Object for Explosive {}

impl Drop for Explosive {
    fn drop(&mut self) {
        struct Again;

        impl Drop for Again {
            fn drop(&mut self) {
                // Of no size, since nobody frees it.
                std::panic::panic_any(());
            }
        }

        std::panic::panic_any(Again);
    }
}

/// A store, and the class of lists, which stands for any class.
fn store() -> (Store, Arc<ClassInfo>) {
    let registry = Registry::linked().expect("no names clash");
    (
        Store::new(9, None, None, PlantedFaults::default()),
        Arc::clone(registry.class(List::PATH).expect("it comes with tarmem")),
    )
}

fn odd(number: u8, counted: &Arc<()>) -> Box<Odd> {
    Box::new(Odd { number, _counted: Arc::clone(counted) })
}

fn number(object: &dyn Object) -> u8 {
    (object as &dyn Any).downcast_ref::<Odd>().expect("it is odd").number
}

fn read(cell: &Cell) -> u8 {
    number(&*cell.try_read().expect("nobody is using it").expect("it is not poisoned"))
}

#[test]
fn objects_of_any_layout_lie_beside_their_names() {
    let (store, class) = store();
    let counted = Arc::new(());
    let (cell, unit) = (store.host(odd(7, &counted), &class, "a name"), store.host(Box::new(Unit), &class, "ü"));
    assert_eq!((cell.name(), unit.name()), ("a name", "ü"));
    assert_eq!(read(&cell), 7);
    let object = cell.try_read().expect("free").expect("whole");
    assert_eq!((&raw const *object).cast::<()>().addr() % 64, 0, "aligned");
    drop(object);
    assert_eq!((Arc::strong_count(&counted), store.objects()), (2, 2));
    drop((cell, unit));
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
}

#[test]
fn an_object_is_dropped_with_its_last_share() {
    let (store, class) = store();
    let counted = Arc::new(());
    let cell = store.host(odd(7, &counted), &class, "");
    let (weak, guard) = (cell.downgrade(), cell.try_write_owned().expect("free").expect("whole"));
    assert_eq!(cell.shares(), 2);
    drop(cell);
    assert_eq!(number(&*guard), 7);
    assert_eq!(weak.upgrade().expect("the guard has a share").shares(), 2);
    drop(guard);
    assert!(weak.upgrade().is_none() && !weak.is_alive());
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
}

#[test]
fn a_taken_object_is_dropped_once_and_not_seen_again() {
    let (store, class) = store();
    let counted = Arc::new(());
    let cell = store.host(odd(7, &counted), &class, "");
    let taken = cell.try_write().expect("free").expect("whole").take();
    assert!(cell.try_read().expect("free").is_err() && cell.is_poisoned());
    assert_eq!(Arc::strong_count(&counted), 2);
    bury(taken);
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
    drop(cell);
    // The other way round.
    let cell = store.host(odd(7, &counted), &class, "");
    let taken = cell.try_write().expect("free").expect("whole").take();
    drop(cell);
    assert_eq!(Arc::strong_count(&counted), 2);
    bury(taken);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn a_value_is_replaced_only_by_one_of_its_class() {
    let (store, class) = store();
    let counted = Arc::new(());
    let cell = store.host(odd(7, &counted), &class, "");
    let before = cell.try_write().expect("free").expect("whole").replace(odd(8, &counted));
    assert_eq!((number(&*before), read(&cell)), (7, 8));
    drop(before);
    assert_eq!(Arc::strong_count(&counted), 2);
    let refused = cell.try_write().expect("free").expect("whole").replace(Box::new(Unit));
    assert!((&*refused as &dyn Any).is::<Unit>() && cell.is_poisoned());
}

#[test]
fn threads_share_an_object() {
    let (store, class) = store();
    let counted = Arc::new(());
    let cell = store.host(odd(0, &counted), &class, "");
    let rounds = if cfg!(miri) { 20 } else { 50 };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let cell = cell.clone();
            scope.spawn(move || {
                for _ in 0..rounds {
                    let mut guard = futures::executor::block_on(cell.write()).expect("whole");
                    let object: &mut dyn Any = &mut *guard;
                    object.downcast_mut::<Odd>().expect("it is odd").number += 1;
                    let weak = cell.downgrade();
                    drop(guard);
                    assert!(weak.upgrade().is_some());
                }
            });
        }
    });
    assert_eq!(read(&cell), 4 * rounds);
    drop(cell);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn a_long_chain_is_dropped_one_object_after_the_other() {
    const LENGTH: usize = 100_000;
    let (store, class) = store();
    let counted = Arc::new(());
    let mut first = None;
    for _ in 0..LENGTH {
        let link = Link { _next: first.take(), _counted: Arc::clone(&counted) };
        first = Some(store.host(Box::new(link), &class, "a link"));
    }
    assert_eq!((Arc::strong_count(&counted), store.objects()), (LENGTH + 1, LENGTH));
    drop(first);
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
}

#[test]
fn a_destructor_that_panics_does_not_stop_other_drops() {
    let (store, class) = store();
    let counted = Arc::new(());
    let explosive = store.host(Box::new(Explosive), &class, "");
    let link = Link { _next: Some(explosive), _counted: Arc::clone(&counted) };
    drop(store.host(Box::new(link), &class, ""));
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
    drop(store.host(odd(7, &counted), &class, ""));
    assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0), "this thread goes on dropping objects");
}

/// The cells and guards that a test holds.
#[derive(Default)]
struct CellsAndGuards {
    cells: Vec<Cell>,
    weak: Vec<WeakCell>,
    reading: Vec<ReadGuard>,
    writing: Vec<WriteGuard>,
    remains: Vec<Remains>,
    replaced: Vec<Box<dyn Object>>,
}

impl CellsAndGuards {
    /// Does one thing to one of them, if there is one.
    fn step(&mut self, what: u8, which: usize, store: &Store, class: &Arc<ClassInfo>, counted: &Arc<()>) {
        fn nth<T>(all: &[T], which: usize) -> Option<&T> {
            all.get(which.checked_rem(all.len())?)
        }

        fn take<T>(all: &mut Vec<T>, which: usize) -> Option<T> {
            which.checked_rem(all.len()).map(|index| all.swap_remove(index))
        }

        let name = "n".repeat(which % 70);
        let cell = nth(&self.cells, which);
        match what {
            0 => {
                let cell = store.host(odd(1, counted), class, &name);
                assert_eq!(cell.name(), name);
                self.cells.push(cell);
            }
            1 => self.cells.extend(cell.cloned()),
            2 => drop(take(&mut self.cells, which)),
            3 => self.weak.extend(cell.map(Cell::downgrade)),
            4 => {
                let weak = take(&mut self.weak, which);
                self.cells.extend(weak.and_then(|weak| {
                    let is_alive = weak.is_alive();
                    let cell = weak.upgrade();
                    assert_eq!(cell.is_some(), is_alive);
                    cell
                }));
            }
            5 => self.reading.extend(cell.and_then(Cell::try_read_owned).and_then(Result::ok)),
            6 => {
                let guard = cell.and_then(Cell::try_read).and_then(Result::ok);
                self.reading.extend(guard.map(ReadGuard::into_owned));
            }
            7 => self.writing.extend(cell.and_then(Cell::try_write_owned).and_then(Result::ok)),
            8 => {
                let guard = cell.and_then(Cell::try_write).and_then(Result::ok);
                self.writing.extend(guard.map(WriteGuard::into_owned));
            }
            9 => drop(take(&mut self.reading, which)),
            10 => drop(take(&mut self.writing, which)),
            11 => self.remains.extend(take(&mut self.writing, which).map(WriteGuard::take)),
            12 => self.remains.pop().into_iter().for_each(bury),
            13 => self.replaced.extend(self.writing.last_mut().map(|guard| guard.replace(odd(2, counted)))),
            14 => {
                if let Some(guard) = self.writing.last_mut() {
                    assert!((&*guard.replace(Box::new(Unit)) as &dyn Any).is::<Unit>(), "it is given back");
                }
            }
            _ => drop(self.replaced.pop()),
        }
        for guard in &mut self.writing {
            let object: &mut dyn Any = &mut **guard;
            object.downcast_mut::<Odd>().expect("it is odd").number ^= 3;
        }
        let read = self.reading.iter().map(|guard| number(&**guard));
        let written = self.writing.iter().map(|guard| number(&**guard));
        assert!(read.chain(written).all(|number| (1..=2).contains(&number)));
    }
}

proptest! {
    /// Shares, guards and taken objects come and go in any order. (Under AddressSanitizer, this shows whether one of
    /// them reads memory that is not its own, or not any more.)
    #[test]
    fn each_object_is_dropped_once_in_any_order_of_events(
        steps in prop::collection::vec((0_u8..16, any::<usize>()), 0..120)
    ) {
        let (store, class) = store();
        let counted = Arc::new(());
        let mut held = CellsAndGuards::default();
        for (what, which) in steps {
            held.step(what, which, &store, &class, &counted);
            prop_assert_eq!(Arc::strong_count(&counted) - 1, store.objects() + held.replaced.len());
        }
        drop(held);
        prop_assert_eq!((Arc::strong_count(&counted), store.objects()), (1, 0));
    }
}
