//! Tests of names that could conflict with generated code.

// The expansion refers to this crate only by the path that it is given.
use tarmem_remote as renamed;

use crate::loopback::{api, wait};
use renamed::{Proxy, Registry, remote};
use serde::{Deserialize, Serialize};

/// A module in which every name of the prelude has another meaning.
mod shadowed {
    #![allow(dead_code)]

    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct String;
    pub(super) struct Vec;
    // Not `Box`, which async-trait itself refers to.
    pub(super) trait Send {}
    pub(super) trait Clone {}
    pub(super) trait Debug {}
    pub(super) trait Serialize {}
    pub(super) trait Object {}
    pub(super) trait Proxy {}
    pub(super) struct Error;
    pub(super) struct Method;
    pub(super) struct Registration;
    pub(super) struct Call;

    #[super::renamed::remote(module = "names", crate = super::renamed)]
    #[derive(serde::Serialize, serde::Deserialize)]
    pub(super) struct Some;

    #[super::renamed::remote(crate = super::renamed)]
    impl Some {
        pub fn new() -> Self {
            Some
        }

        pub fn text(&self, of: &str, all: &[u8]) -> std::string::String {
            format!("{of}{all:?}")
        }

        pub async fn later(&mut self) -> std::result::Result<(), std::string::String> {
            std::result::Result::Ok(())
        }
    }

    #[super::renamed::remote(module = "names", crate = super::renamed)]
    pub(super) trait Into {
        async fn ok(&self) -> i64 {
            1
        }
    }

    #[super::renamed::remote(crate = super::renamed)]
    impl Into for Some {}

    #[super::renamed::remote(module = "names", crate = super::renamed)]
    pub(super) async fn err(text: &str) -> std::result::Result<Some, std::string::String> {
        Err(text.to_owned())
    }

    #[super::renamed::remote(module = "names", crate = super::renamed)]
    pub(super) async fn over(
        some: &mut Some,
        r#loop: &Some,
        text: &str,
    ) -> std::result::Result<i64, std::string::String> {
        let (_, _) = (some, r#loop);
        Ok(text.len() as i64)
    }

    #[super::renamed::remote(module = "names", crate = super::renamed)]
    #[allow(unused_parens)]
    pub(super) fn behind(into: &mut dyn Into, other: &(dyn Into)) -> Some {
        let (_, _) = (into, other);
        Some
    }
}

#[remote(module = "names")]
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Odd;

#[remote]
impl Odd {
    pub fn default() -> Self {
        Odd
    }

    pub fn clone(&self) -> i64 {
        1
    }

    pub fn r#type(&self, r#fn: i64, r#match: &str) -> String {
        format!("{}{}", r#fn, r#match)
    }

    // Names that the expansion uses for its own locals.
    #[allow(clippy::too_many_arguments)]
    pub fn locals(&self, out: i64, args: i64, ctx: i64, object: i64, result: i64, core: i64, __a0: i64) -> i64 {
        out + args + ctx + object + result + core + __a0
    }

    pub fn from_core(core: i64) -> i64 {
        core
    }

    pub fn array(&self, of: [Self; 2], and: (Self,)) -> Option<Vec<[Self; 3]>> {
        let ([a, b], (c,)) = (of, and);
        Some(vec![[a, b, c]])
    }

    #[cfg(test)]
    pub fn under_test(&self) -> bool {
        true
    }

    #[cfg(not(test))]
    pub fn not_under_test(&self, of: ThisTypeIsNowhere) -> AndThisOne {
        of.into()
    }

    #[cfg(not(test))]
    pub fn neither(of: ThisTypeIsNowhere) -> AndThisOne {
        of.into()
    }

    #[deprecated = "old"]
    pub fn old(&self) -> i64 {
        1
    }
}

#[remote(module = "names")]
pub(crate) fn r#loop(r#in: i64) -> i64 {
    r#in
}

/// Tokens that come from a macro have their own hygiene.
macro_rules! counter {
    ($name:ident, $value:ty, $constructor:ident($start:ident)) => {
        #[remote(module = "names")]
        #[derive(Serialize, Deserialize)]
        pub(crate) struct $name {
            value: $value,
        }

        #[remote]
        impl $name {
            pub fn $constructor($start: $value) -> Self {
                let value = $start;
                $name { value }
            }

            pub fn add(&mut self, value: $value, other: Option<$value>) -> Result<$value, String> {
                self.value += value + other.unwrap_or_default();
                Ok(self.value)
            }
        }
    };
}

counter!(Counter, i64, start(first));

/// Documented by hand,
#[doc = concat!("and by ", "macro,")]
#[doc = "and by hand."]
#[remote(module = "names")]
pub(crate) const DOCUMENTED: bool = true;

#[test]
fn names_of_the_prelude_may_be_shadowed() {
    let api = api();
    let some = wait(api.memoize("some", shadowed::SomeProxy::new())).expect("made");
    assert_eq!(wait(some.text("a", &[1])), Ok("a[1]".to_owned()));
    assert_eq!(wait(some.later()), Ok(()));
    let ok = wait(api.get::<dyn shadowed::Into>("some")).expect("it is ok");
    assert_eq!(wait(ok.ok()), Ok(1));
    assert!(wait(api.update("some", shadowed::err::remote("no"))).is_err());
    let other = wait(api.memoize("other", shadowed::SomeProxy::new())).expect("made");
    assert_eq!(wait(shadowed::over::remote(&some, &other, "abc").call(&api)), Ok(3));
    let other = other.cast::<dyn shadowed::Into>();
    assert!(wait(api.memoize("made", shadowed::behind::remote(&ok, &other))).is_ok());
}

#[test]
fn raw_and_conflicting_names_work() {
    let api = api();
    let odd = wait(api.memoize("odd", OddProxy::default())).expect("made");
    assert_eq!(wait(odd.clone()), Ok(1), "the method of the class");
    assert_eq!(wait(odd.r#type(1, "a")), Ok("1a".to_owned()));
    assert_eq!(wait(odd.locals(1, 2, 3, 4, 5, 6, 7)), Ok(28));
    assert_eq!(wait(odd.array([Odd, Odd], (Odd,))).map(|arrays| arrays.map(|a| a.len())), Ok(Some(1)));
    assert_eq!(wait(odd.under_test()), Ok(true));
    assert_eq!(wait(OddProxy::from_core(4).call(&api)), Ok(4));
    assert_eq!(wait(r#loop::remote(5).call(&api)), Ok(5));
    #[allow(deprecated)]
    let old = wait(odd.old());
    assert_eq!(old, Ok(1));

    let registry = Registry::linked().expect("no names clash");
    assert_eq!(registry.function("names", "loop").expect("without r#").params[0].name, "in");
    let class = registry.class("names.Odd").expect("it is linked");
    let kind = class.method("type").expect("without r#");
    assert_eq!(kind.signature(), "type(fn: i64, match: &str) -> String");
    let array = class.method("array").expect("it is there");
    assert_eq!(array.signature(), "array(of: [Odd; 2], and: (Odd,)) -> Option<Vec<[Odd; 3]>>");
    assert!(class.method("not_under_test").is_err(), "its cfg is off");
    assert!(registry.function("names", "Odd.neither").is_err(), "its cfg is off");
}

#[test]
fn a_macro_may_generate_remote_items() {
    let api = api();
    let counter = wait(api.memoize("counter", CounterProxy::start(1))).expect("made");
    assert_eq!(wait(counter.add(2, Some(3))), Ok(6));
    let registry = Registry::linked().expect("no names clash");
    let add = registry.class("names.Counter").expect("it is linked").method("add").expect("it is there");
    assert_eq!(add.signature(), "add(value: i64, other: Option<i64>) -> Result<i64, String>");
}

#[test]
fn documentation_may_be_computed() {
    let registry = Registry::linked().expect("no names clash");
    let members = registry.describe_module("names").expect("it is there").members;
    let documented = members.iter().find(|member| member.name == "DOCUMENTED").expect("it is there");
    assert_eq!(documented.docs, "Documented by hand,\nand by macro,\nand by hand.");
    let written = DOCUMENTED;
    assert_eq!(documented.value, Some(written.into()));
}

#[remote(module = "names")]
#[derive(Serialize, Deserialize)]
struct Jar(Vec<String>);

#[remote]
impl Jar {
    pub fn new() -> Self {
        Jar(Vec::new())
    }

    /// Puts a text in, and returns how many the jar contains.
    #[remote(proxy = "put_text")]
    pub fn put(&mut self, label: String) -> usize {
        self.0.push(label);
        self.0.len()
    }
}

impl JarProxy {
    fn put(&self, label: &str) -> renamed::Call<usize> {
        self.put_text(label.to_owned())
    }
}

#[test]
fn a_hand_written_proxy_method_may_have_the_name_of_the_method_it_calls() {
    let jar = wait(api().memoize("jar", JarProxy::new())).expect("made");
    assert_eq!(wait(jar.put("tea")), Ok(1));
    assert_eq!(wait(jar.dynamic().call("put", renamed::args!["rum"])), Ok(2.into()));
    assert_eq!(Jar::new().put("salt".to_owned()), 1);
}
