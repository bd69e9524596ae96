//! Implementations that cannot be registered.

use serde::{Deserialize, Serialize};
use tarmem_remote::remote;

#[remote(module = "shop")]
#[derive(Serialize, Deserialize)]
struct Circle;

#[remote(module = "shop")]
trait Shape {
    fn area(&self) -> f64 {
        1.0
    }
}

#[remote(module = "shop")]
impl Shape for Circle {
    #[remote(idempotent)]
    fn area(&self) -> f64 {
        2.0
    }
}

#[remote]
impl<T> Shape for Vec<T> {}

#[remote]
impl Shape for [i64; 2] {}

fn main() {}
