//! Frames, and the batches in them: see `tarmem::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tarmem::fuzzing::frame(input));
