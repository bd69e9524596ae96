//! What generated code asks of a class whose methods are made again from logged calls.

/// A class whose objects are kept by their states, or by calls that are made again.
#[diagnostic::on_unimplemented(
    message = "the methods of `{Self}` cannot be made again: it is a resident class",
    label = "an object of a resident class is kept, if at all, by what `Keep` says; remove `replay`"
)]
pub trait Replayed {}

/// Checks that the methods of a class may be made again.
pub const fn replayed<T: Replayed>() {}
