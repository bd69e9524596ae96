use crate::store::{Cell, Store, bury};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use tarmem_modules::builtins::List;
use tarmem_remote::__private::typetag;
use tarmem_remote::object::{Object, Remote};
use tarmem_remote::registry::{ClassInfo, Registry};

/// Large alignment, and something to be dropped.
#[derive(Serialize, Deserialize)]
#[repr(align(64))]
struct Odd {
    number: u8,
    #[serde(skip)]
    _counted: Arc<()>,
}

#[typetag::serde(name = "tests.Odd")]
impl Object for Odd {}

/// Nothing at all.
#[derive(Serialize, Deserialize)]
struct Unit;

#[typetag::serde(name = "tests.Unit")]
impl Object for Unit {}

/// A store, and the class of a list, which stands for any.
fn store() -> (Store, Arc<ClassInfo>) {
    let registry = Registry::linked().expect("no names clash");
    (Store::new(9), Arc::clone(registry.class(List::PATH).expect("it comes with tarmem")))
}

fn odd(number: u8, counted: &Arc<()>) -> Box<Odd> {
    Box::new(Odd { number, _counted: Arc::clone(counted) })
}

fn number(object: &dyn Object) -> u8 {
    (object as &dyn Any).downcast_ref::<Odd>().expect("it is odd").number
}

fn read(cell: &Cell) -> u8 {
    number(&*cell.try_read().expect("nobody is at it").expect("it is not poisoned"))
}

#[test]
fn objects_of_any_shape_lie_beside_their_names() {
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
fn an_object_goes_with_its_last_share() {
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
fn what_was_taken_is_dropped_once_and_seen_no_more() {
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
fn a_value_is_replaced_by_one_of_its_class_only() {
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
