//! Methods that several classes share. Each macro makes them for the class that it is given.
//!
//! - [`mapping`] is for all kinds of dicts, and [`mapping_proxy`] for their proxies.
//! - [`arithmetic`] is for numbers, [`parts`] for their parts and for rounding. [`reflected`] is for `other + object`.
//! - [`comparing`] has `==` and `<` for lists and similar classes.
//! - [`sequence`] is for list, tuple and deque, and [`sequence_proxy`] for the proxies of list and deque. [`sets`] is
//!   for set and frozenset.

pub(crate) mod arithmetic;
pub(crate) mod comparing;
pub(crate) mod mapping;
pub(crate) mod mapping_proxy;
pub(crate) mod parts;
pub(crate) mod reflected;
pub(crate) mod sequence;
pub(crate) mod sequence_proxy;
pub(crate) mod sets;

pub(crate) use arithmetic::{bit_methods, number_methods};
pub(crate) use comparing::sequence_comparisons;
pub(crate) use mapping::{dict_changed, dict_methods, mapping_methods, ordered_dict_changed, popitem_method};
pub(crate) use mapping_proxy::mapping_proxy;
pub(crate) use parts::{part_methods, whole_methods};
pub(crate) use reflected::{reflected_bit_methods, reflected_number_methods, reflected_sequence_methods, text_of_repr};
pub(crate) use sequence::sequence_methods;
pub(crate) use sequence_proxy::sequence_proxy;
pub(crate) use sets::set_methods;
