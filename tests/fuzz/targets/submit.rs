//! Sessions that submit whatever they like: see `tarmem::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tarmem::fuzzing::submit(input));
