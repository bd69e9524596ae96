//! Tests that names registered twice are refused at start-up.

use tarmem_remote::describe::{self, Place, Registration};
use tarmem_remote::{Registry, Remote};

fn linked() -> impl Iterator<Item = Registration> {
    inventory::iter::<Registration>.into_iter().copied()
}

#[test]
fn a_class_registered_twice_names_both_places() {
    let again = linked().find_map(|registration| match registration {
        Registration::Class(mut class) if class.path == crate::classes::Account::PATH => {
            class.place = Place { file: "other.rs", line: 7, package: None };
            Some(Registration::Class(class))
        }
        _ => None,
    });
    let refused = Registry::new(linked().chain(again)).expect_err("two classes of one name").to_string();
    let here = format!("{}:16", file!().replace("registry.rs", "classes.rs"));
    assert!(refused.contains("two classes are named classes.bank.Account"), "{refused}");
    assert!(refused.contains(&here) && refused.contains("other.rs:7"), "{refused}");
}

#[test]
fn a_former_path_that_something_else_has_or_has_had_names_both_places() {
    let renamed = |to: &'static str, was: &'static [&'static str], file: &'static str| {
        linked().find_map(|registration| match registration {
            Registration::Class(class) if class.path == crate::classes::Account::PATH => {
                let place = Place { file, line: 7, package: None };
                let (module, name) = to.rsplit_once('.')?;
                Some(Registration::Class(describe::ClassEntry { path: to, module, name, was, place, ..class }))
            }
            _ => None,
        })
    };
    let taken = renamed("classes.bank.Konto", &["classes.bank.Account", "old.Account"], "a.rs");
    let other = renamed("classes.bank.Compte", &["old.Account"], "b.rs");
    let fine = renamed("classes.bank.Conto", &["older.Account"], "c.rs");
    let refused = Registry::new(linked().chain(taken).chain(other).chain(fine)).expect_err("they clash");
    let [both, registered] = refused.problems() else { panic!("{refused}") };
    for part in ["classes.bank.Konto (a.rs:7)", "classes.bank.Compte (b.rs:7)", "old.Account"] {
        assert!(both.contains(part), "{both}");
    }
    let here = format!("{}:16", file!().replace("registry.rs", "classes.rs"));
    assert!(registered.contains("classes.bank.Konto (a.rs:7) was classes.bank.Account"), "{registered}");
    assert!(registered.contains(&here), "{registered}");
    let registry = Registry::new(linked().chain(fine)).expect("no names clash");
    assert_eq!(registry.stored_class("older.Account").expect("it is there").entry().path, "classes.bank.Conto");
    assert!(registry.class("older.Account").is_err());
}

#[test]
fn functions_and_methods_registered_twice_are_all_named() {
    let again = linked().filter(|registration| match registration {
        Registration::Functions(functions) => functions[0].module == "functions",
        Registration::Implementation(implementation) => implementation.class == "classes.switch",
        _ => false,
    });
    let refused = Registry::new(linked().chain(again)).expect_err("two of each name");
    let named = |name: &str| refused.problems().iter().any(|problem| problem.contains(name));
    for name in ["functions.load_ledger", "functions.divide", "classes.switch.flip"] {
        assert!(named(name), "{name}: {refused}");
    }
}

#[test]
fn nothing_is_registered_twice_by_itself() {
    let registry = Registry::new(linked()).expect("no names clash");
    for module in ["classes", "classes.bank", "functions", "functions.inner", "interfaces", "names"] {
        assert!(registry.describe_module(module).is_ok(), "{module}: {registry}");
    }
}
