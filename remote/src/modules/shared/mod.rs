//! Methods that several classes have alike, written once: each macro here makes them for the class that it is given.
//!
//! - [`mapping`] is for dicts of all kinds. [`mapping_proxy`] for their proxies.
//! - [`arithmetic`] is for numbers.
//! - [`comparing`] has `==` and `<` for lists and what is like them.

pub(crate) mod arithmetic;
pub(crate) mod comparing;
pub(crate) mod mapping;
pub(crate) mod mapping_proxy;

pub(crate) use arithmetic::{bit_methods, number_methods};
pub(crate) use comparing::sequence_comparisons;
pub(crate) use mapping::{dict_changed, dict_methods, mapping_methods, ordered_dict_changed};
pub(crate) use mapping_proxy::mapping_proxy;
