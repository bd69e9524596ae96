//! Values, and the operations that they are in: see `tarmem::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tarmem::fuzzing::value(input));
