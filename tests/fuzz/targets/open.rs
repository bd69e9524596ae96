//! The first bytes that a service hears: see `tarmem::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tarmem::fuzzing::open(input));
