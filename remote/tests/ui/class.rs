//! Each class has one or two mistakes, and all of them are reported.

use serde::{Deserialize, Serialize};
use tarmem_remote::remote;

#[remote]
#[derive(Serialize, Deserialize)]
struct WithoutModule;

#[remote(module = "shop", modul = "bank", resident = true)]
#[derive(Serialize, Deserialize)]
struct UnknownOption;

#[remote(module = "shop..pricing", name = "two words")]
#[derive(Serialize, Deserialize)]
struct BadNames;

#[remote(module = shop, name = "A", name = "B", crate = 7)]
#[derive(Serialize, Deserialize)]
struct BadValues;

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
struct Generic<T> {
    value: T,
}

#[remote(module = "shop", resident)]
#[derive(Serialize, serde::Deserialize)]
struct Resident;

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
enum Lifetime<'a> {
    #[serde(borrow)]
    Text(&'a str),
}

#[remote(module = "shop", volatile = true, volatile, volatile, was = 7, was = "Konto", was = "bank. ")]
#[derive(Serialize, Deserialize)]
struct BadPast;

#[remote(module = "shop", was = "shop.SamePath", was = "bank.Konto", was = "bank.Konto")]
#[derive(Serialize, Deserialize)]
struct SamePath;

#[remote(module = "shop", volatile, was = "shop.double")]
fn double(n: i64) -> i64 {
    2 * n
}

fn main() {}
