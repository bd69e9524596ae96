//! CPython as the oracle: random operations are applied to the classes of `tarmem_modules` and to Python's own types.
//! After each of them, results, kinds of errors and states must agree.
//!
//! `TARMEM_SEED` sets the seed, which is printed when something differs. Without python3 the tests are skipped with a
//! notice. Known differences are left out here, and listed in docs/modules.md.

#[path = "python/mod.rs"]
mod python;

#[path = "../../tests/macros/loopback.rs"]
#[allow(dead_code, reason = "these tests need less of it than others")]
mod loopback;
