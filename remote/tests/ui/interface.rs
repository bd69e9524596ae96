//! Traits that cannot be interfaces, and why.

use tarmem_remote::remote;

#[remote]
trait WithoutModule {}

#[remote(module = "shop", resident)]
trait Members {
    type Item;
    const COUNT: i64;
    fn new() -> Self
    where
        Self: Sized;
}

#[remote(module = "shop")]
trait Generic<T> {
    fn get(&self) -> T;
}

#[remote(module = "shop")]
trait Methods {
    fn good(&self) -> i64;
    fn generic<T>(&self, value: T);
    fn same(&self, other: Self) -> Result<i64, Box<Self>>;
    fn consume(self);
    fn borrowed(&self, other: &i64);
    #[remote(inline)]
    fn inline(&self);
}

#[remote(module = "shop")]
unsafe trait Unsafe {}

fn main() {}
