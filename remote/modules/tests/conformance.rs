//! CPython as the oracle: random operations are applied to the classes of `tarmem_modules` and to Python's own types,
//! and results, kinds of errors and states have to agree after each.
//!
//! `TARMEM_SEED` sets the seed, which is printed when something differs; without python3 the tests are skipped with a
//! notice. What is known to differ is left out here, and listed in docs/modules.md.

#[path = "python/mod.rs"]
mod python;

#[path = "../../tests/macros/loopback.rs"]
#[allow(dead_code, reason = "these tests need less of it than others")]
mod loopback;
