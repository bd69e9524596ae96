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

fn main() {}
