//! Classes for tarmem's own tests: a models crate as a user would write one.

mod bank;
mod lab;
mod meeting;
mod notes;
mod shapes;
mod transfers;

pub use bank::*;
pub use lab::*;
pub use meeting::*;
pub use notes::*;
pub use shapes::*;
pub use transfers::*;
