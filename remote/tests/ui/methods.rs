//! One class with many mistakes: all are reported, and the good methods still work.

use serde::{Deserialize, Serialize};
use std::fmt::Display;
use tarmem_remote::remote;

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
pub struct Account {
    cents: i64,
}

#[remote]
impl Account {
    pub fn good(&self) -> i64 {
        self.cents
    }

    pub fn consume(self) -> i64 {
        self.cents
    }

    pub fn boxed(self: Box<Self>) {}

    pub fn generic<T: Display>(&self, value: T, count: impl Display) {
        let _ = (value.to_string(), count.to_string());
    }

    pub fn lifetime<'a>(&'a self, text: &'a str) -> &'a str {
        text
    }

    pub fn borrowed(&self, other: &Account, list: &mut Vec<i64>, nested: Option<&str>, forever: &'static str) {
        let _ = (other.cents, list.len(), nested, forever);
    }

    pub fn patterns(&self, (a, b): (i64, i64), _: i64) -> i64 {
        a + b
    }

    pub fn dynamic(&self, of: Box<dyn Display>) -> impl Display {
        of.to_string()
    }

    pub fn pointers(&self, one: *const u8, other: fn() -> i64) -> ! {
        panic!("{one:?} {}", other())
    }

    pub unsafe fn careful(&self) {}

    pub extern "C" fn foreign(&self) {}

    pub fn condition(&self) -> i64
    where
        Account: Send,
    {
        1
    }

    pub async fn lent_in_time(&self) -> &i64 {
        &self.cents
    }

    pub fn lent_inside(&self) -> Option<&str> {
        None
    }

    pub fn in_part(&self, #[cfg(unix)] fd: i32) {
        let _ = fd;
    }

    #[rustfmt::skip]
    pub fn many(_a: u8, _b: u8, _c: u8, _d: u8, _e: u8, _f: u8, _g: u8, _h: u8, _i: u8,
                _j: u8, _k: u8, _l: u8, _m: u8, _n: u8, _o: u8, _p: u8, _q: u8) {}

    #[remote(blocking)]
    pub async fn blocking_async(&self) {}

    #[remote(inline)]
    pub fn inline_method(&self) {}

    #[remote(blocking, inline)]
    pub fn both() {}

    #[remote(quick, name = "a.b")]
    pub fn unknown(&self) {}

    #[remote]
    pub fn bare(&self) {}

    #[remote(name = "hidden")]
    fn private(&self) {}

    #[remote(proxy = "no name")]
    pub fn unnamed(&self) {}

    #[remote(skip)]
    pub fn skipped<T>(self, _: T) {}
}

#[remote(module = "shop")]
impl Account {}

pub struct Generic<T>(T);

#[remote]
impl<T> Generic<T> {}

fn main() {
    fn used(account: &AccountProxy) {
        let _ = account.good();
    }
    let _ = used;
}
