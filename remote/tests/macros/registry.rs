//! Tests that names registered twice are refused at start-up.

use tarmem_remote::describe::{Place, Registration};
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
