//! Tests of the keys and what they are mapped to.

use super::*;
use tarmem_modules::builtins::List;
use tarmem_remote::object::Remote;
use tarmem_remote::registry::Registry;
use uuid::Uuid;

const BY: ChangedBy = ChangedBy { session: Uuid::nil(), sequence: 0 };

fn list(store: &Store, registry: &Registry, name: &str) -> Cell {
    store.host(Box::new(List::default()), registry.class(List::PATH).expect("it comes with tarmem"), name)
}

#[test]
fn ids_contain_the_number_of_the_object() {
    let (store, registry) =
        (Store::new(1, None, None, PlantedFaults::default()), Registry::linked().expect("no names clash"));
    let (one, two) = (list(&store, &registry, ""), list(&store, &registry, ""));
    assert_ne!(one.id(), two.id());
    assert_eq!(one.id().as_bytes()[..8], two.id().as_bytes()[..8], "they begin alike, except for the version");
}

#[test]
fn an_object_may_have_other_keys_and_lose_its_own() {
    let (store, registry) =
        (Store::new(2, None, None, PlantedFaults::default()), Registry::linked().expect("no names clash"));
    let first = list(&store, &registry, "a");
    let at = store.insert_if_absent("a", &first, BY).expect("there is room").generation;
    let alias = store.insert_if_absent("b", &first, BY).expect("there is room");
    assert!(alias.generation > at && alias.cell.id() == first.id());
    assert!(store.insert_if_absent("c", &first, BY).is_err(), "two keys at most");
    assert_eq!(store.get("a").expect("mapped").generation, at, "each key has a generation of its own");

    // Its own key is given to another object, which was or was not made for it, and then given back.
    let second = list(&store, &registry, "a");
    store.swap("a", &second, Some(at), BY).expect("nobody else changed it");
    assert!(store.swap("a", &first, Some(at), BY).is_err());
    store.swap("a", &list(&store, &registry, "b"), None, BY).expect("it is allowed");
    assert_eq!(store.objects(), 3);
    drop(second);
    assert_eq!(store.objects(), 2);
    store.swap("a", &first, None, BY).expect("it is allowed");
    assert_eq!((store.objects(), store.len()), (1, 2));
    assert_eq!(store.keys("", "", 9, |_| true).0, ["a", "b"]);

    // A key that another object was made for.
    let third = list(&store, &registry, "b");
    store.swap("b", &third, Some(alias.generation), BY).expect("nobody else changed it");
    assert_eq!(store.get("b").expect("mapped").cell.id(), third.id());
    drop((alias, first));
    assert!(store.remove("a", BY) && !store.remove("a", BY));
    assert_eq!((store.objects(), store.len()), (1, 1));
    assert!(store.remove("b", BY) && !store.contains("b"));
    assert_eq!(store.objects(), 1, "the test holds it");
}

#[test]
fn many_keys_are_found_again() {
    const MANY: usize = if cfg!(miri) { 200 } else { 20_000 };
    let (store, registry) =
        (Store::new(MANY, None, None, PlantedFaults::default()), Registry::linked().expect("no names clash"));
    let key = |number: usize| "k".repeat(number % 40 + 1) + &number.to_string();
    for number in 0..MANY {
        let name = if number % 7 == 0 { String::new() } else { key(number) };
        store.insert_if_absent(&key(number), &list(&store, &registry, &name), BY).expect("there is room");
    }
    assert_eq!((store.objects(), store.len()), (MANY, MANY));
    assert!((0..MANY).all(|number| store.get(&key(number)).is_some()));
    assert!((0..MANY).all(|number| store.remove(&key(number), BY)));
    assert_eq!((store.objects(), store.len()), (0, 0));
}
